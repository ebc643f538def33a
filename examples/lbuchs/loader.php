<?php

/**
 * Loads the passkeys that `keyferry` wrote for the target `lbuchs:passkeys.json` and logs them in with lbuchs/WebAuthn.
 *
 *     php loader.php passkeys.json                     how many passkeys, of how many users
 *     php loader.php passkeys.json assertions.jsonl    and how many of these logins verify
 */

declare(strict_types=1);

namespace Keyferry\Example;

use lbuchs\WebAuthn\WebAuthn;

require_once __DIR__ . '/vendor/autoload.php';

/** No loaded passkey has the id of this login. */
final class UnknownPasskey extends \Exception {}

/** The login is not genuine. */
final class Refused extends \Exception {}

/** A passkey: what `processGet` takes, and whose it is. */
final class Passkey
{
    public function __construct(
        public readonly string $credentialId,
        public readonly string $credentialPublicKey,
        public readonly int $signatureCounter,
        public readonly string $user,
        public readonly string $rpId,
        public readonly ?string $userHandle,
        public readonly ?bool $isBackupEligible,
        public readonly ?bool $isBackedUp,
    ) {}
}

/**
 * Reads a JSON array, or JSON Lines if the name ends in `.jsonl`.
 *
 * @return array<string, Passkey> by `keyOf` the id that browsers send
 * @throws \UnexpectedValueException at the first malformed or repeated record, counted from 1
 */
function loadPasskeys(string $path): array
{
    $passkeys = [];
    $number = 0;
    foreach (recordsOf($path) as $record) {
        $number++;
        try {
            $passkey = passkeyOf($record);
            $key = keyOf(toBase64Url($passkey->credentialId));
            if (isset($passkeys[$key])) {
                throw new \UnexpectedValueException('its credentialId appeared before');
            }
            $passkeys[$key] = $passkey;
        } catch (\UnexpectedValueException $error) {
            throw new \UnexpectedValueException("$path: record $number: {$error->getMessage()}", 0, $error);
        }
    }
    return $passkeys;
}

/**
 * The passkeys of one account; the `credentialId` of each is what `getGetArgs` takes.
 *
 * @param array<string, Passkey> $passkeys
 * @return list<Passkey>
 */
function passkeysOf(array $passkeys, string $user): array
{
    return array_values(array_filter($passkeys, fn(Passkey $passkey) => $passkey->user === $user));
}

/**
 * Checks one login: `$response` is what the browser sent, decoded from JSON as arrays, and `$challenge` the bytes that
 * it was asked to sign.
 *
 * The lookup by id is what binds the login to an account: the library looks up nothing, and compares no user handle.
 *
 * @param array<string, Passkey> $passkeys
 * @return array{Passkey, int} the passkey and its new `signatureCounter`, to be stored in place of the old one
 * @throws UnknownPasskey
 * @throws Refused
 */
function checkLogin(array $passkeys, array $response, string $challenge, string $origin, string $rpId): array
{
    $id = $response['id'] ?? null;
    $passkey = is_string($id) ? ($passkeys[keyOf($id)] ?? null) : null;
    if ($passkey === null) {
        throw new UnknownPasskey('no passkey has this id');
    }
    try {
        $sent = $response['response'] ?? [];
        $clientData = bytesOf($sent, 'clientDataJSON');
        $authenticatorData = bytesOf($sent, 'authenticatorData');
        $signature = bytesOf($sent, 'signature');
        $handle = ($sent['userHandle'] ?? null) === null ? null : bytesOf($sent, 'userHandle');
        if ($handle !== null && $passkey->userHandle !== null && !hash_equals($passkey->userHandle, $handle)) {
            throw new Refused('the user handle is not the one of this passkey');
        }
        // The library takes every host that ends like the RP ID, "evilexample.com" for "example.com" among them.
        $signedOrigin = json_decode($clientData, true)['origin'] ?? null;
        if ($signedOrigin !== $origin) {
            throw new Refused('the login is of another origin');
        }
        $webAuthn = new WebAuthn($rpId, $rpId);
        $webAuthn->processGet(
            $clientData,
            $authenticatorData,
            $signature,
            $passkey->credentialPublicKey,
            $challenge,
            $passkey->signatureCounter,
            true,
        );
        // WebAuthn Level 3, section 7.2: the library does not look at these flags.
        if ((ord($authenticatorData[32]) & 0x18) === 0x10) {
            throw new Refused('backed up, but not backup eligible');
        }
    } catch (Refused $error) {
        throw $error;
    } catch (\Throwable $error) {
        // A key or a response that the library cannot use raises whatever its parsers raise.
        throw new Refused($error::class . ': ' . $error->getMessage(), 0, $error);
    }
    // null: the authenticator does not count.
    return [$passkey, $webAuthn->getSignatureCounter() ?? 0];
}

/**
 * The lines of a file, without blank ones.
 *
 * @return \Generator<string>
 */
function linesOf(string $path): \Generator
{
    $file = is_file($path) ? @fopen($path, 'rb') : false;
    if ($file === false) {
        throw new \UnexpectedValueException("$path cannot be read");
    }
    try {
        while (($line = fgets($file)) !== false) {
            if (trim($line) !== '') {
                yield $line;
            }
        }
    } finally {
        fclose($file);
    }
}

/** Decodes base64url without padding, in the one spelling that each value has; `null` for anything else. */
function fromBase64Url(string $text): ?string
{
    $bytes = base64_decode(strtr($text, '-_', '+/'), true);
    return $bytes !== false && toBase64Url($bytes) === $text ? $bytes : null;
}

function toBase64Url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/** PHP would turn a key of digits alone into a number. */
function keyOf(string $id): string
{
    return "id $id";
}

function recordsOf(string $path): \Generator
{
    if (str_ends_with($path, '.jsonl')) {
        foreach (linesOf($path) as $line) {
            yield json_decode($line, true);
        }
        return;
    }
    $text = is_file($path) ? @file_get_contents($path) : false;
    if ($text === false) {
        throw new \UnexpectedValueException("$path cannot be read");
    }
    $records = json_decode($text, true);
    // Decoded so, an empty object looks like an empty array.
    if (!is_array($records) || !str_starts_with(ltrim($text), '[')) {
        throw new \UnexpectedValueException("$path: not a JSON array");
    }
    yield from $records;
}

function passkeyOf(mixed $record): Passkey
{
    if (!is_array($record)) {
        throw new \UnexpectedValueException('not a JSON object');
    }
    $counter = $record['signatureCounter'] ?? null;
    // Without a number here, the library would not look for clones.
    if (!is_int($counter) || $counter < 0 || $counter > 0xffffffff) {
        throw new \UnexpectedValueException('signatureCounter is not 0 to 4294967295');
    }
    $pem = textOf($record, 'credentialPublicKey');
    if (!str_starts_with($pem, "-----BEGIN PUBLIC KEY-----\n")) {
        throw new \UnexpectedValueException('credentialPublicKey is not a PEM');
    }
    return new Passkey(
        credentialId: bytesOf($record, 'credentialId'),
        credentialPublicKey: $pem,
        signatureCounter: $counter,
        user: textOf($record, 'user'),
        rpId: textOf($record, 'rpId'),
        userHandle: isset($record['userHandle']) ? bytesOf($record, 'userHandle') : null,
        isBackupEligible: booleanOf($record, 'isBackupEligible'),
        isBackedUp: booleanOf($record, 'isBackedUp'),
    );
}

function textOf(array $record, string $name): string
{
    $text = $record[$name] ?? null;
    return is_string($text) && $text !== '' ? $text : throw new \UnexpectedValueException("$name is not text");
}

function bytesOf(array $record, string $name): string
{
    return fromBase64Url(textOf($record, $name))
        ?? throw new \UnexpectedValueException("$name is not base64url without padding");
}

function booleanOf(array $record, string $name): ?bool
{
    $value = $record[$name] ?? null;
    return $value === null || is_bool($value)
        ? $value
        : throw new \UnexpectedValueException("$name is not true or false");
}

/** @param list<string> $arguments */
function main(array $arguments): int
{
    if (count($arguments) !== 1 && count($arguments) !== 2) {
        fwrite(STDERR, "usage: php loader.php passkeys.json [assertions.jsonl]\n");
        return 2;
    }
    $passkeys = loadPasskeys($arguments[0]);
    $users = array_unique(array_map(fn(Passkey $passkey) => $passkey->user, array_values($passkeys)));
    printf("passkeys: %d, users: %d\n", count($passkeys), count($users));
    if (!isset($arguments[1])) {
        return 0;
    }
    $ok = $refused = $unknown = 0;
    foreach (linesOf($arguments[1]) as $text) {
        $line = json_decode($text, true);
        if (!is_array($line) || !is_array($line['response'] ?? null)) {
            throw new \UnexpectedValueException("{$arguments[1]}: a line is not a login");
        }
        try {
            $challenge = bytesOf($line, 'challenge');
            checkLogin($passkeys, $line['response'], $challenge, textOf($line, 'origin'), textOf($line, 'rpId'));
            $ok++;
        } catch (UnknownPasskey) {
            $unknown++;
        } catch (Refused $error) {
            $refused++;
            fwrite(STDERR, "{$line['response']['id']}: {$error->getMessage()}\n");
        }
    }
    print "logins: $ok ok, $refused refused, $unknown unknown\n";
    return $refused + $unknown === 0 ? 0 : 1;
}

// Only when it is run, not when another program takes its functions.
if (realpath($_SERVER['SCRIPT_FILENAME']) === __FILE__) {
    try {
        exit(main(array_slice($argv, 1)));
    } catch (\UnexpectedValueException $error) {
        fwrite(STDERR, $error->getMessage() . "\n");
        exit(2);
    }
}
