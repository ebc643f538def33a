<?php

/**
 * php selftest.php     (after ./setup)
 *
 * Proves that verify.php can say no: genuine logins and logins with one thing wrong, made with real keys. Prints how many
 * tests passed and failed.
 */

declare(strict_types=1);

require_once __DIR__ . '/../../../examples/lbuchs/loader.php';

use Keyferry\Example\Passkey;
use lbuchs\WebAuthn\Attestation\AuthenticatorData;
use lbuchs\WebAuthn\WebAuthn;
use function Keyferry\Example\{fromBase64Url, loadPasskeys, passkeysOf, toBase64Url};

const UP = 0x01, UV = 0x04, BE = 0x08, BS = 0x10, AT = 0x40;
const EXAMPLE = __DIR__ . '/../../../examples/lbuchs/loader.php';

// A notice is a mistake, here as in the programs that are started.
set_error_handler(fn(int $level, string $text) => throw new ErrorException($text, 0, $level));

// ---- a small authenticator

/** A key: its PEM, and what signs with it. */
final class Key
{
    public function __construct(public readonly string $pem, public readonly Closure $sign) {}

    public static function of(OpenSSLAsymmetricKey $private, int $digest = OPENSSL_ALGO_SHA256): self
    {
        $sign = function (string $data) use ($private, $digest): string {
            openssl_sign($data, $signature, $private, $digest);
            return $signature;
        };
        return new self(openssl_pkey_get_details($private)['key'], $sign);
    }

    public static function ec(string $curve, int $digest): self
    {
        $private = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => $curve]);
        return self::of($private, $digest);
    }

    public static function rsa(int $digest, int $bits = 2048): self
    {
        return self::of(self::newRsa($bits), $digest);
    }

    /** RFC 8017, section 9.1.1, with a salt as long as the digest: PHP itself cannot sign so. */
    public static function pss(string $hash): self
    {
        $private = self::newRsa(2048);
        $sign = function (string $data) use ($private, $hash): string {
            $length = strlen(hash($hash, '', true));
            $salt = random_bytes($length);
            $digest = hash($hash, str_repeat("\0", 8) . hash($hash, $data, true) . $salt, true);
            $block = str_pad("\1$salt", 255 - $length, "\0", STR_PAD_LEFT);
            $mask = '';
            for ($counter = 0; strlen($mask) < strlen($block); $counter++) {
                $mask .= hash($hash, $digest . pack('N', $counter), true);
            }
            $masked = $block ^ $mask;
            $masked[0] = chr(ord($masked[0]) & 0x7f);
            openssl_private_encrypt("$masked$digest\xbc", $signature, $private, OPENSSL_NO_PADDING);
            return $signature;
        };
        return new self(openssl_pkey_get_details($private)['key'], $sign);
    }

    public static function ed25519(): self
    {
        $pair = sodium_crypto_sign_keypair();
        $der = hex2bin('302a300506032b6570032100') . sodium_crypto_sign_publickey($pair);
        $lines = chunk_split(base64_encode($der), 64, "\n");
        $secret = sodium_crypto_sign_secretkey($pair);
        return new self(
            "-----BEGIN PUBLIC KEY-----\n$lines-----END PUBLIC KEY-----\n",
            fn(string $data) => sodium_crypto_sign_detached($data, $secret),
        );
    }

    /** An RS256 key with an exponent that PHP does not make. */
    public static function kept(string $name): self
    {
        $parts = explode("# $name\n", file_get_contents(__DIR__ . '/long-exponents.pem'));
        return self::of(openssl_pkey_get_private($parts[1]));
    }

    private static function newRsa(int $bits): OpenSSLAsymmetricKey
    {
        return openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_RSA, 'private_key_bits' => $bits]);
    }
}

/** A passkey: a key, and the record that keyferry would write for it. `null` leaves a field out. */
final class TestPasskey
{
    private static int $made = 0;

    public readonly array $record;

    public function __construct(public readonly ?Key $key = null, mixed ...$changes)
    {
        $this->record = array_filter([
            'user' => 'ana@example.com',
            'userHandle' => toBase64Url('handle of ana'),
            'rpId' => 'example.com',
            'credentialId' => toBase64Url(pack('x24J', ++self::$made)),
            'credentialPublicKey' => ($key ?? es256())->pem,
            'signatureCounter' => 7,
            'isBackupEligible' => true,
            'isBackedUp' => true,
            ...$changes,
        ], fn($value) => $value !== null);
    }

    /** One line of an assertions file; `$changes` names what differs from a genuine login. */
    public function login(mixed ...$changes): array
    {
        $id = $this->record['credentialId'];
        $is = (object) [
            'rpId' => 'example.com',
            'signedRpId' => 'example.com',
            'origin' => 'https://example.com',
            'signedOrigin' => 'https://example.com',
            'challenge' => toBase64Url('challenge'),
            'signedChallenge' => toBase64Url('challenge'),
            'type' => 'webauthn.get',
            'flags' => UP | UV | BE | BS,
            'count' => $this->record['signatureCounter'] + 1,
            'id' => $id,
            'credentialId' => $id,
            'handle' => toBase64Url('handle of ana'),
            'sign' => ($this->key ?? es256())->sign,
            ...$changes,
        ];
        $data = hash('sha256', $is->signedRpId, true) . pack('CN', $is->flags, $is->count);
        $client = json_encode(
            ['type' => $is->type, 'challenge' => $is->signedChallenge, 'origin' => $is->signedOrigin],
        );
        return [
            'credentialId' => $is->credentialId,
            'rpId' => $is->rpId,
            'origin' => $is->origin,
            'challenge' => $is->challenge,
            'response' => [
                'id' => $is->id,
                'rawId' => $is->id,
                'type' => 'public-key',
                'clientExtensionResults' => (object) [],
                'response' => [
                    'authenticatorData' => toBase64Url($data),
                    'clientDataJSON' => toBase64Url($client),
                    'signature' => toBase64Url(($is->sign)($data . hash('sha256', $client, true))),
                    'userHandle' => $is->handle,
                ],
            ],
        ];
    }
}

/** One key for whatever is not about keys. */
function es256(): Key
{
    static $key = null;
    return $key ??= Key::ec('prime256v1', OPENSSL_ALGO_SHA256);
}

// ---- running the programs

/** Compares more strictly than assert(), which a php.ini may switch off. */
function same(mixed $expected, mixed $found, string $what): void
{
    if ($expected !== $found) {
        throw new LogicException("$what: expected " . json_encode($expected) . ', found ' . json_encode($found));
    }
}

function contains(string $part, string $text, string $what): void
{
    same(true, str_contains($text, $part), "$what: \"$part\" in \"$text\"");
}

function write(string $name, string $text): string
{
    static $folder = null;
    if ($folder === null) {
        $folder = sys_get_temp_dir() . '/keyferry-login-' . bin2hex(random_bytes(8));
        mkdir($folder, 0700);
        register_shutdown_function(function () use ($folder) {
            array_map('unlink', glob("$folder/*"));
            rmdir($folder);
        });
    }
    file_put_contents("$folder/$name", $text);
    return "$folder/$name";
}

function lines(string $name, array $values): string
{
    return write($name, implode('', array_map(fn($value) => json_encode($value) . "\n", $values)));
}

/** @return array{int, string, string} exit status, standard output, standard error */
function run(string $program, string ...$arguments): array
{
    [$out, $err] = [tmpfile(), tmpfile()];
    $process = proc_open([PHP_BINARY, $program, ...$arguments], [1 => $out, 2 => $err], $pipes);
    $status = proc_close($process);
    rewind($out);
    rewind($err);
    return [$status, stream_get_contents($out), stream_get_contents($err)];
}

/** @param list<TestPasskey> $passkeys */
function verdicts(array $passkeys, array $logins): array
{
    $records = array_map(fn(TestPasskey $passkey) => $passkey->record, $passkeys);
    $assertions = lines('assertions.jsonl', $logins);
    $answers = [];
    foreach ([write('r.json', json_encode($records)), lines('r.jsonl', $records)] as $path) {
        [$status, $output, $errors] = run(__DIR__ . '/verify.php', $path, $assertions);
        same([0, ''], [$status, $errors], 'status and errors');
        $answers[] = array_map(fn($line) => json_decode($line, true), explode("\n", rtrim($output)));
    }
    same($answers[0], $answers[1], 'the two forms of a records file');
    same(count($logins), count($answers[0]), 'verdicts');
    return $answers[0];
}

// ---- what verifies and what does not

$tests = [];

$tests['only the genuine login verifies'] = function (): void {
    $kinds = [
        'ES256' => fn() => Key::ec('prime256v1', OPENSSL_ALGO_SHA256),
        'EdDSA' => fn() => Key::ed25519(),
        'RS256' => fn() => Key::rsa(OPENSSL_ALGO_SHA256),
    ];
    foreach ($kinds as $kind => $make) {
        [$passkey, $other] = [new TestPasskey($make()), new TestPasskey($make())];
        $otherId = $other->record['credentialId'];
        $cases = [
            ['genuine', [], 'ok', ''],
            ['no user handle', ['handle' => null], 'ok', ''],
            ['not backed up', ['flags' => UP | UV | BE], 'ok', ''],
            ['flipped BE, which the library does not compare', ['flags' => UP | UV], 'ok', ''],
            ['wrong signature', ['sign' => fn() => ($passkey->key->sign)('other bytes')], 'failed', 'invalid signature'],
            ['empty signature', ['sign' => fn() => ''], 'failed', 'signature'],
            ['other key', ['sign' => $other->key->sign], 'failed', 'invalid signature'],
            ['other id', ['id' => $otherId, 'credentialId' => $otherId], 'failed', 'invalid signature'],
            ["other user's handle", ['handle' => toBase64Url('handle of bob')], 'failed', 'user handle'],
            ['count equal', ['count' => 7], 'failed', 'counter'],
            ['count lower', ['count' => 6], 'failed', 'counter'],
            ['count gone back to 0', ['count' => 0], 'failed', 'counter'],
            ['wrong RP ID', ['signedRpId' => 'example.net'], 'failed', 'rpId hash'],
            ['wrong origin', ['signedOrigin' => 'https://example.net'], 'failed', 'another origin'],
            ['an origin that the library takes', ['signedOrigin' => 'https://evilexample.com'], 'failed', 'another origin'],
            ['wrong challenge', ['signedChallenge' => toBase64Url('another')], 'failed', 'challenge'],
            ['a registration', ['type' => 'webauthn.create'], 'failed', 'type'],
            ['BS without BE', ['flags' => UP | UV | BS], 'failed', 'backup eligible'],
            ['user not verified', ['flags' => UP | BE | BS], 'failed', 'not verif'],
            ['user not present', ['flags' => UV | BE | BS], 'failed', 'not present'],
            ['padded id', ['id' => $passkey->record['credentialId'] . '='], 'not-found', ''],
            ['unknown id', ['id' => toBase64Url('unknown')], 'not-found', ''],
            ['genuine again, counts are not kept', [], 'ok', ''],
        ];
        $judged = verdicts([$other, $passkey], array_map(fn($case) => $passkey->login(...$case[1]), $cases));
        foreach ($cases as $index => [$name, , $word, $detail]) {
            $one = $judged[$index];
            same($word, $one['verdict'], "$kind: $name: {$one['detail']}");
            contains($detail, $one['detail'], "$kind: $name");
            same($word === 'ok' ? 8 : null, $one['newCounter'], "$kind: $name");
        }
    }
};

// Name, key, and whether it logs in: what keyferry promises.
$tests['algorithms'] = function (): void {
    $cases = [
        ['ES256', Key::ec('prime256v1', OPENSSL_ALGO_SHA256), true],
        ['ES256K', Key::ec('secp256k1', OPENSSL_ALGO_SHA256), true],
        ['ES384', Key::ec('secp384r1', OPENSSL_ALGO_SHA384), false],
        ['ES512', Key::ec('secp521r1', OPENSSL_ALGO_SHA512), false],
        ['Ed25519', Key::ed25519(), true],
        ['RS256', Key::rsa(OPENSSL_ALGO_SHA256), true],
        ['RS256 3072', Key::rsa(OPENSSL_ALGO_SHA256, 3072), true],
        ['RS256 4096', Key::rsa(OPENSSL_ALGO_SHA256, 4096), true],
        ['RS384', Key::rsa(OPENSSL_ALGO_SHA384), false],
        ['RS512', Key::rsa(OPENSSL_ALGO_SHA512), false],
        ['PS256', Key::pss('sha256'), false],
        ['PS384', Key::pss('sha384'), false],
        ['PS512', Key::pss('sha512'), false],
        ['3072 bits, exponent of 65 bits', Key::kept('3072 bits, exponent of 65 bits'), true],
        ['3080 bits, exponent of 64 bits', Key::kept('3080 bits, exponent of 64 bits'), true],
        ['3080 bits, exponent of 65 bits', Key::kept('3080 bits, exponent of 65 bits'), false],
    ];
    $passkeys = array_map(fn($case) => new TestPasskey($case[1]), $cases);
    $genuine = verdicts($passkeys, array_map(fn($passkey) => $passkey->login(), $passkeys));
    $forge = fn($passkey) => $passkey->login(sign: fn($data) => ($passkey->key->sign)("$data!"));
    $forged = verdicts($passkeys, array_map($forge, $passkeys));
    foreach ($cases as $index => [$name, , $logsIn]) {
        same($logsIn ? 'ok' : 'failed', $genuine[$index]['verdict'], "$name: {$genuine[$index]['detail']}");
        contains($logsIn ? '' : 'invalid signature', $genuine[$index]['detail'], $name);
        same('failed', $forged[$index]['verdict'], "forged $name");
    }
};

$tests['counts over the whole range'] = function (): void {
    $cases = [
        [0, 0, 'ok'], [0, 1, 'ok'], [0, 2 ** 32 - 1, 'ok'], [1, 0, 'failed'], [2 ** 31 - 1, 2 ** 31, 'ok'],
        [2 ** 31, 2 ** 31, 'failed'], [2 ** 32 - 2, 2 ** 32 - 1, 'ok'], [2 ** 32 - 1, 2 ** 32 - 1, 'failed'],
        [2 ** 32 - 1, 0, 'failed'],
    ];
    $passkeys = array_map(fn($case) => new TestPasskey(signatureCounter: $case[0]), $cases);
    $logins = array_map(fn($passkey, $case) => $passkey->login(count: $case[1]), $passkeys, $cases);
    foreach (verdicts($passkeys, $logins) as $index => $one) {
        [$stored, $count, $word] = $cases[$index];
        same($word, $one['verdict'], "stored $stored, presented $count");
        same($word === 'ok' ? $count : null, $one['newCounter'], "stored $stored, presented $count");
    }
};

$tests['the least record, and ids of any length'] = function (): void {
    $least = ['userHandle' => null, 'isBackupEligible' => null, 'isBackedUp' => null];
    $make = fn($size) => new TestPasskey(null, ...$least, credentialId: toBase64Url(str_repeat("\xa7", $size)));
    $passkeys = array_map($make, [1, 16, 64, 1023]);
    $judged = verdicts($passkeys, array_map(fn($passkey) => $passkey->login(handle: toBase64Url('any')), $passkeys));
    same(['ok', 'ok', 'ok', 'ok'], array_column($judged, 'verdict'), 'verdicts');
};

$tests['a line that cannot be judged is an error'] = function (): void {
    [$passkey, $other] = [new TestPasskey(), new TestPasskey()];
    $without = fn($field) => [...$passkey->login(), $field => null];
    $lines = [
        ...array_map($without, ['credentialId', 'challenge', 'origin', 'rpId', 'response']),
        [...$passkey->login(), 'challenge' => '=='],
        7,
        null,
        // Genuine, but about another credential than the line says.
        $passkey->login(credentialId: $other->record['credentialId']),
        $passkey->login(),
    ];
    $words = array_column(verdicts([$passkey, $other], $lines), 'verdict');
    same([...array_fill(0, 9, 'error'), 'ok'], $words, 'verdicts');
};

$tests['a response in pieces is refused'] = function (): void {
    $passkey = new TestPasskey();
    $lines = [];
    foreach (['authenticatorData', 'clientDataJSON', 'signature'] as $field) {
        foreach ([null, 7, '', '=', 'AA'] as $value) {
            $line = $passkey->login();
            $line['response']['response'][$field] = $value;
            $lines[] = $line;
        }
    }
    $lines[] = $passkey->login(handle: 7);
    $line = $passkey->login();
    $line['response']['response'] = 'text';
    $lines[] = $line;
    $words = array_column(verdicts([$passkey], $lines), 'verdict');
    same(array_fill(0, 17, 'failed'), $words, 'verdicts');
};

$tests['input that cannot be read'] = function (): void {
    $records = write('good.json', json_encode([(new TestPasskey())->record]));
    $assertions = lines('good.jsonl', [(new TestPasskey())->login()]);
    $cases = [
        [[$records], 'usage'],
        [['absent.json', $assertions], 'absent.json'],
        [[$records, 'absent.jsonl'], 'absent.jsonl'],
        [[$records, write('bad.jsonl', '{"credentialId":')], 'assertion 1'],
        [[write('object.json', '{}'), $assertions], 'not a JSON array'],
        [[write('number.json', '7'), $assertions], 'not a JSON array'],
        [[write('bad.json', '[{]'), $assertions], 'bad.json'],
    ];
    foreach ($cases as [$arguments, $message]) {
        [$status, $output, $errors] = run(__DIR__ . '/verify.php', ...$arguments);
        same([2, ''], [$status, $output], $message);
        contains($message, $errors, 'message');
    }
};

// ---- the loader of the example, and what keyferry writes

$tests['the loader refuses malformed and repeated records'] = function (): void {
    $good = (new TestPasskey())->record;
    $cases = [
        ['credentialId' => "{$good['credentialId']}="], ['credentialId' => ''], ['credentialId' => '+/+/'],
        ['credentialId' => $good['credentialId']], ['credentialPublicKey' => 7], ['credentialPublicKey' => 'MIIB'],
        ['user' => ''], ['user' => null], ['rpId' => ''], ['userHandle' => 'é'], ['signatureCounter' => '0'],
        ['signatureCounter' => null], ['signatureCounter' => true], ['signatureCounter' => -1],
        ['signatureCounter' => 0.5], ['signatureCounter' => 2 ** 32], ['isBackedUp' => 'true'],
        ['isBackupEligible' => 1],
    ];
    foreach ($cases as $change) {
        $records = [$good, [...(new TestPasskey())->record, ...$change]];
        foreach ([write('r.json', json_encode($records)), lines('r.jsonl', $records)] as $path) {
            try {
                loadPasskeys($path);
                $message = 'loaded';
            } catch (UnexpectedValueException $error) {
                $message = $error->getMessage();
            }
            contains('record 2: ', $message, json_encode($change));
        }
    }
};

$tests['the loader gives what the library takes'] = function (): void {
    [$ana, $bob] = [new TestPasskey(), new TestPasskey(null, user: 'bob', userHandle: null)];
    $passkeys = loadPasskeys(lines('r.jsonl', [$ana->record, $bob->record]));
    [$loaded] = passkeysOf($passkeys, 'ana@example.com');
    same('handle of ana', $loaded->userHandle, 'handle');
    $ids = array_values(array_map(fn(Passkey $passkey) => $passkey->credentialId, $passkeys));
    $options = (new WebAuthn('example.com', 'example.com', null, true))->getGetArgs($ids)->publicKey;
    $allowed = array_column(json_decode(json_encode($options), true)['allowCredentials'], 'id');
    same([$ana->record['credentialId'], $bob->record['credentialId']], $allowed, 'allowCredentials');
};

// The library's own words for every key that it can register, against the records that are kept in fixtures/login.
$tests['a PEM is what the library makes of the COSE key'] = function (): void {
    $kinds = [];
    foreach (json_decode(file_get_contents(__DIR__ . '/../../../fixtures/login/lbuchs.json'), true) as $record) {
        $cose = fromBase64Url($record['credentialPublicKeyCose']);
        $id = fromBase64Url($record['credentialId']);
        $data = str_repeat("\0", 32) . chr(UP | AT) . str_repeat("\0", 4 + 16) . pack('n', strlen($id)) . $id . $cose;
        // {1: kty, 3: alg, ...}: the three that processCreate knows, and of RSA the one size.
        foreach (['a5010203262001', 'a40101032720', 'a401030339010020590100'] as $kind) {
            if (str_starts_with(bin2hex($cose), $kind)) {
                same($record['credentialPublicKey'], (new AuthenticatorData($data))->getPublicKeyPem(), $kind);
                $kinds[$kind] = true;
            }
        }
    }
    same(3, count($kinds), 'kinds of keys that were compared');
};

$tests['the example counts logins'] = function (): void {
    $passkey = new TestPasskey();
    $records = write('r.json', json_encode([$passkey->record]));
    $logins = [$passkey->login(), $passkey->login(count: 0), $passkey->login(id: toBase64Url('unknown'))];
    $loaded = "passkeys: 1, users: 1\n";
    same([0, $loaded, ''], run(EXAMPLE, $records), 'without logins');
    $all = run(EXAMPLE, $records, lines('good.jsonl', [$logins[0]]));
    same([0, "{$loaded}logins: 1 ok, 0 refused, 0 unknown\n", ''], $all, 'genuine');
    [$status, $output] = run(EXAMPLE, $records, lines('all.jsonl', $logins));
    same([1, "{$loaded}logins: 1 ok, 1 refused, 1 unknown\n"], [$status, $output], 'one of each');
    same(2, run(EXAMPLE, 'absent.json')[0], 'no file');
};

$failed = 0;
foreach ($tests as $name => $test) {
    try {
        $test();
        print "ok: $name\n";
    } catch (Throwable $error) {
        $failed++;
        print "FAILED: $name: " . $error::class . ": {$error->getMessage()} (line {$error->getLine()})\n";
    }
}
printf("%d passed, %d failed\n", count($tests) - $failed, $failed);
exit($failed === 0 ? 0 : 1);
