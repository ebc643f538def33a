<?php

/**
 * php verify.php RECORDS ASSERTIONS     (after ./setup)
 *
 * Judges each line of ASSERTIONS against RECORDS with the loader of examples/lbuchs, so that the example is what is
 * proven. Prints one JSON line for each, in the same order: {"credentialId","verdict","detail","newCounter"}. Verdicts:
 *
 *   ok         processGet returned, user verification required
 *   failed     the login is refused: wrong signature, user handle, or an error of the library
 *   not-found  no record has exactly this response.id
 *   error      the line lacks what a judgement needs, or is about another credential than it says
 *
 * Every line meets the counters of RECORDS: nothing is updated between lines.
 * Exit status: 0 all lines judged, 2 an input cannot be read (with a message on standard error).
 */

declare(strict_types=1);

require_once __DIR__ . '/../../../examples/lbuchs/loader.php';

use Keyferry\Example\{Refused, UnknownPasskey};
use function Keyferry\Example\{checkLogin, fromBase64Url, linesOf, loadPasskeys};

function judge(array $passkeys, array $line): array
{
    $id = is_string($line['credentialId'] ?? null) ? $line['credentialId'] : null;
    $verdict = fn(string $word, string $detail = '', ?int $newCounter = null) =>
        ['credentialId' => $id, 'verdict' => $word, 'detail' => $detail, 'newCounter' => $newCounter];

    $response = is_array($line['response'] ?? null) ? $line['response'] : [];
    $needed = ['response.id' => $response['id'] ?? null];
    foreach (['credentialId', 'challenge', 'origin', 'rpId'] as $name) {
        $needed[$name] = $line[$name] ?? null;
    }
    foreach ($needed as $name => $value) {
        if (!is_string($value) || $value === '') {
            return $verdict('error', "the line has no $name");
        }
    }
    $challenge = fromBase64Url($line['challenge']);
    if ($challenge === null) {
        return $verdict('error', 'challenge is not base64url');
    }
    try {
        [, $newCounter] = checkLogin($passkeys, $response, $challenge, $line['origin'], $line['rpId']);
    } catch (UnknownPasskey) {
        return $verdict('not-found');
    } catch (Refused $error) {
        return $verdict('failed', $error->getMessage());
    }
    if ($response['id'] !== $id) {
        return $verdict('error', 'response.id is not the credentialId of the line');
    }
    return $verdict('ok', '', $newCounter);
}

if ($argc !== 3) {
    fwrite(STDERR, "usage: php verify.php RECORDS ASSERTIONS\n");
    exit(2);
}
// A notice in the midst of the verdicts would not be JSON.
ini_set('display_errors', 'stderr');
try {
    $passkeys = loadPasskeys($argv[1]);
    $number = 0;
    foreach (linesOf($argv[2]) as $text) {
        $number++;
        try {
            $line = json_decode($text, true, flags: JSON_THROW_ON_ERROR);
        } catch (JsonException $error) {
            throw new UnexpectedValueException("$argv[2]: assertion $number: {$error->getMessage()}");
        }
        $flags = JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE;
        print json_encode(judge($passkeys, is_array($line) ? $line : []), $flags) . "\n";
    }
} catch (UnexpectedValueException $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(2);
}
