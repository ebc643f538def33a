// Loads the passkeys that `keyferry` wrote for the target `simplewebauthn:passkeys.json`
// and logs them in with SimpleWebAuthn.
//
//   node load.mjs passkeys.json                     how many passkeys, of how many users
//   node load.mjs passkeys.json assertions.jsonl    and how many of these logins verify
import { createReadStream, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { verifyAuthenticationResponse } from '@simplewebauthn/server';

/** No loaded passkey has the id of this login. */
export class UnknownPasskey extends Error {}

/**
 * Reads a records file (a JSON array; JSON Lines if the name ends in `.jsonl`) into a Map:
 * credential id -> { user, webauthnUserID, deviceType, backedUp, credential }.
 * Throws on the first malformed or repeated record and says which record it is, counted from 1.
 */
export async function loadPasskeys(path) {
  const passkeys = new Map();
  let number = 0;
  const isLines = path.endsWith('.jsonl');
  for await (const record of isLines ? linesOf(path) : arrayIn(path)) {
    number += 1;
    try {
      const passkey = passkeyFrom(isLines ? JSON.parse(record) : record);
      const { id } = passkey.credential;
      if (passkeys.has(id)) throw new Error(`the credential id ${id} appeared before`);
      passkeys.set(id, passkey);
    } catch (error) {
      throw new Error(`${path}: record ${number}: ${error.message}`, { cause: error });
    }
  }
  return passkeys;
}

/** The passkeys of one account, for example for `allowCredentials`. */
export function passkeysOf(passkeys, user) {
  return [...passkeys.values()].filter((passkey) => passkey.user === user);
}

/**
 * Checks one login. Resolves only if it is genuine, and throws otherwise. The caller stores
 * `newCounter` as the counter of `passkey.credential`.
 *
 * The lookup by `response.id` is what binds the login to an account: verifyAuthenticationResponse
 * compares neither the id nor the user handle, and reports a wrong signature without a throw.
 */
export async function checkLogin(passkeys, response, { challenge, origin, rpID }) {
  // An undefined one would be equal to one that is absent from the response.
  if (!challenge || !origin || !rpID) throw new Error('no challenge, origin or RP ID to expect');

  const passkey = passkeys.get(response.id);
  if (!passkey) throw new UnknownPasskey(`no passkey has the id ${response.id}`);

  const handle = response.response.userHandle;
  if (handle && passkey.webauthnUserID && handle !== passkey.webauthnUserID) {
    throw new Error('the user handle is not the one of this passkey');
  }

  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: rpID,
    requireUserVerification: true,
    credential: passkey.credential,
  });
  if (verified !== true) throw new Error('the signature does not verify');
  return { passkey, newCounter: authenticationInfo.newCounter };
}

/**
 * The lines of a UTF-8 file, without blank ones, a chunk at a time. Only a line feed ends a line:
 * node:readline also splits at U+2028 and U+2029, which may stand inside a JSON string.
 */
export async function* linesOf(path) {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  try {
    for await (const chunk of createReadStream(path)) {
      const lines = (rest + utf8.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop();
      yield* lines.filter((line) => line.trim());
    }
    rest += utf8.decode();
  } catch (error) {
    throw new Error(`${path}: ${error.message}`, { cause: error });
  }
  if (rest.trim()) yield rest;
}

function arrayIn(path) {
  let array;
  try {
    array = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)));
  } catch (error) {
    throw new Error(`${path}: ${error.message}`, { cause: error });
  }
  if (!Array.isArray(array)) throw new Error(`${path}: not a JSON array`);
  return array;
}

function passkeyFrom(record) {
  const { id, publicKey, user, webauthnUserID, counter, deviceType, backedUp, transports } =
    Object(record);
  check(bytesFrom(id)?.length <= 1023, 'id', 'base64url without padding of 1 to 1023 bytes');
  check(bytesFrom(publicKey), 'publicKey', 'base64url without padding');
  check(typeof user === 'string' && user, 'user', 'text');
  check(Number.isInteger(counter) && counter >= 0 && counter < 2 ** 32, 'counter', '0 to 4294967295');
  check(optional(webauthnUserID, bytesFrom), 'webauthnUserID', 'base64url without padding');
  check(
    optional(deviceType, (type) => type === 'singleDevice' || type === 'multiDevice'),
    'deviceType',
    'singleDevice or multiDevice',
  );
  check(optional(backedUp, (flag) => typeof flag === 'boolean'), 'backedUp', 'true or false');
  check(
    optional(transports, (list) => Array.isArray(list) && list.every((t) => typeof t === 'string')),
    'transports',
    'an array of texts',
  );
  const credential = { id, publicKey: new Uint8Array(bytesFrom(publicKey)), counter, transports };
  return { user, webauthnUserID, deviceType, backedUp, credential };
}

function check(condition, field, form) {
  if (!condition) throw new Error(`${field} is not ${form}`);
}

function optional(value, test) {
  return value === undefined || test(value);
}

/** The bytes of unpadded base64url; undefined for anything else, the empty text too. */
function bytesFrom(text) {
  if (typeof text !== 'string' || text === '') return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

async function main([passkeysPath, assertionsPath]) {
  if (!passkeysPath) throw new Error('usage: node load.mjs passkeys.json [assertions.jsonl]');
  const passkeys = await loadPasskeys(passkeysPath);
  const users = new Set([...passkeys.values()].map((passkey) => passkey.user));
  console.log(`passkeys: ${passkeys.size}, users: ${users.size}`);
  if (!assertionsPath) return;

  const logins = { ok: 0, refused: 0, unknown: 0 };
  for await (const line of linesOf(assertionsPath)) {
    const { response, challenge, origin, rpId: rpID } = JSON.parse(line);
    try {
      const { passkey, newCounter } = await checkLogin(passkeys, response, { challenge, origin, rpID });
      // What an application stores, so that the same login is good for one time only.
      passkey.credential.counter = newCounter;
      logins.ok += 1;
    } catch (error) {
      logins[error instanceof UnknownPasskey ? 'unknown' : 'refused'] += 1;
      console.error(`${response?.id}: ${error.message}`);
    }
  }
  console.log(`logins: ${logins.ok} ok, ${logins.refused} refused, ${logins.unknown} unknown`);
  if (logins.refused || logins.unknown) process.exitCode = 1;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 2;
  });
}
