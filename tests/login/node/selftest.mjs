// node --test selftest.mjs
//
// Proves that verify.mjs can say no: it judges genuine logins and logins with one thing wrong,
// made with real keys. Run `npm ci` in examples/simplewebauthn first.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkLogin, loadPasskeys, passkeysOf } from '../../../examples/simplewebauthn/load.mjs';

const UP = 0x01;
const UV = 0x04;
const BE = 0x08;
const BS = 0x10;

const folder = mkdtempSync(join(tmpdir(), 'keyferry-login-'));
after(() => rmSync(folder, { recursive: true }));

// ---- a small authenticator

const b64url = (bytes) => Buffer.from(bytes).toString('base64url');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

function cborHead(major, value) {
  if (value < 24) return Buffer.of((major << 5) | value);
  if (value < 256) return Buffer.of((major << 5) | 24, value);
  return Buffer.of((major << 5) | 25, value >> 8, value & 255);
}

function cbor(value) {
  if (typeof value === 'number') return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value);
  if (value instanceof Map) {
    return Buffer.concat([cborHead(5, value.size), ...[...value].flat().map(cbor)]);
  }
  return Buffer.concat([cborHead(2, value.length), value]);
}

const jwkBytes = (text) => Buffer.from(text, 'base64url');

const KINDS = {
  'P-256': () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x, y } = publicKey.export({ format: 'jwk' });
    const cose = new Map([[1, 2], [3, -7], [-1, 1], [-2, jwkBytes(x)], [-3, jwkBytes(y)]]);
    return { algorithm: -7, cose, signBytes: (data) => sign('sha256', data, privateKey) };
  },
  Ed25519: () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const { x } = publicKey.export({ format: 'jwk' });
    const cose = new Map([[1, 1], [3, -8], [-1, 6], [-2, jwkBytes(x)]]);
    return { algorithm: -8, cose, signBytes: (data) => sign(null, data, privateKey) };
  },
  RSA: () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n, e } = publicKey.export({ format: 'jwk' });
    const cose = new Map([[1, 3], [3, -257], [-1, jwkBytes(n)], [-2, jwkBytes(e)]]);
    return { algorithm: -257, cose, signBytes: (data) => sign('sha256', data, privateKey) };
  },
};

const number = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const bytesOf = (value, size) => Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex');

function power(base, exponent, modulus) {
  let result = 1n;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * base) % modulus;
    base = (base * base) % modulus;
  }
  return result;
}

/** By Euclid; undefined if there is none. */
function inverse(value, modulus) {
  let [a, b, x, y] = [value, modulus, 1n, 0n];
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return a === 1n ? ((x % modulus) + modulus) % modulus : undefined;
}

/** An RS256 key with an exponent that no generator makes, signed with by hand (RFC 8017, 8.2.1). */
function longExponentKey(bits, exponentBits) {
  const jwk = generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ format: 'jwk' });
  const [n, p, q] = [jwk.n, jwk.p, jwk.q].map((text) => number(jwkBytes(text)));
  const phi = (p - 1n) * (q - 1n);
  let e = (1n << BigInt(exponentBits - 1)) + 1n;
  while (inverse(e, phi) === undefined) e += 2n;
  const size = bits / 8;
  const signBytes = (data) => {
    const digest = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), sha256(data)]);
    const filling = Buffer.alloc(size - 3 - digest.length, 0xff);
    const block = Buffer.concat([Buffer.of(0, 1), filling, Buffer.of(0), digest]);
    return bytesOf(power(number(block), inverse(e, phi), n), size);
  };
  const cose = new Map([
    [1, 3], [3, -257], [-1, bytesOf(n, size)], [-2, bytesOf(e, Math.ceil(exponentBits / 8))],
  ]);
  return { algorithm: -257, cose, signBytes };
}

function newPasskey(kind, { counter = 7, ...record } = {}) {
  return passkeyOf(KINDS[kind](), { counter, ...record });
}

function passkeyOf(key, record) {
  return {
    ...key,
    record: {
      id: b64url(randomBytes(32)),
      publicKey: b64url(cbor(key.cose)),
      user: 'ana@example.com',
      webauthnUserID: b64url('handle of ana'),
      counter: 7,
      deviceType: 'multiDevice',
      backedUp: true,
      transports: ['internal', 'hybrid'],
      ...record,
    },
  };
}

/** One line of an assertions file; `changes` names what differs from a genuine login. */
function login({ record, algorithm, signBytes }, changes = {}) {
  const {
    rpId, signedRpId, origin, signedOrigin, challenge, signedChallenge, type, flags, counter, id,
    credentialId, userHandle, tamper,
  } = {
    rpId: 'example.com',
    signedRpId: 'example.com',
    origin: 'https://example.com',
    signedOrigin: 'https://example.com',
    challenge: b64url('challenge'),
    signedChallenge: b64url('challenge'),
    type: 'webauthn.get',
    flags: UP | UV | BE | BS,
    counter: record.counter + 1,
    id: record.id,
    credentialId: record.id,
    userHandle: record.webauthnUserID,
    tamper: (signature) => signature,
    ...changes,
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  const authenticatorData = Buffer.concat([sha256(signedRpId), Buffer.of(flags), count]);
  const clientDataJSON = Buffer.from(
    JSON.stringify({ type, challenge: signedChallenge, origin: signedOrigin, crossOrigin: false }),
  );
  const signature = signBytes(Buffer.concat([authenticatorData, sha256(clientDataJSON)]));
  return {
    credentialId,
    user: record.user,
    algorithm,
    status: 'active',
    rpId,
    origin,
    challenge,
    response: {
      id,
      rawId: id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        authenticatorData: b64url(authenticatorData),
        clientDataJSON: b64url(clientDataJSON),
        signature: b64url(tamper(signature)),
        userHandle,
      },
    },
  };
}

/** A signature that is well formed but for other bytes. */
const signatureOfOtherBytes = (passkey) => () => passkey.signBytes(Buffer.from('other bytes'));

// ---- running the programs

let files = 0;
function write(name, content) {
  files += 1;
  const path = join(folder, `${files}-${name}`);
  writeFileSync(path, content);
  return path;
}

const jsonLines = (values) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
const recordsFile = (passkeys) => write('passkeys.json', JSON.stringify(passkeys.map((p) => p.record)));
const assertionsFile = (lines) => write('assertions.jsonl', jsonLines(lines));

function run(program, ...args) {
  const path = fileURLToPath(new URL(program, import.meta.url));
  return spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
}

function verdicts(passkeys, lines) {
  const { status, stdout, stderr } = run('verify.mjs', recordsFile(passkeys), assertionsFile(lines));
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  const judged = stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  assert.deepEqual(judged.map((one) => one.credentialId), lines.map((line) => line.credentialId ?? null));
  return judged;
}

// ---- what verifies and what does not

for (const kind of Object.keys(KINDS)) {
  test(`${kind}: only the genuine login verifies`, () => {
    const passkey = newPasskey(kind);
    const other = newPasskey(kind);
    const cases = [
      ['genuine', {}, 'ok', ''],
      ['no user handle', { userHandle: undefined }, 'ok', ''],
      ['null user handle', { userHandle: null }, 'ok', ''],
      ['not backed up', { flags: UP | UV | BE }, 'ok', ''],
      ['wrong signature', { tamper: signatureOfOtherBytes(passkey) }, 'failed', /signature does not verify/],
      ["another credential's id", { id: other.record.id, credentialId: other.record.id, userHandle: undefined }, 'failed', /signature does not verify/],
      ["another user's handle", { userHandle: b64url('handle of bob') }, 'failed', /user handle/],
      ['counter equal', { counter: 7 }, 'failed', /counter value 7/],
      ['counter lower', { counter: 6 }, 'failed', /counter value 6/],
      ['counter gone back to 0', { counter: 0 }, 'failed', /counter value 0/],
      ['wrong RP ID', { signedRpId: 'example.net' }, 'failed', /UnexpectedRPIDHash/],
      ['wrong origin', { signedOrigin: 'https://example.net' }, 'failed', /origin/],
      ['wrong RP ID expected', { rpId: 'example.net' }, 'failed', /UnexpectedRPIDHash/],
      ['wrong challenge', { signedChallenge: b64url('another') }, 'failed', /challenge/],
      ['absent challenge', { signedChallenge: undefined }, 'failed', /challenge/],
      ['a registration', { type: 'webauthn.create' }, 'failed', /type/],
      ['BS without BE', { flags: UP | UV | BS }, 'failed', /InvalidBackupFlags/],
      ['user not verified', { flags: UP | BE | BS }, 'failed', /could not be verified/],
      ['user not present', { flags: UV | BE | BS }, 'failed', /not present/],
      ['padded id', { id: `${passkey.record.id}=` }, 'not-found', ''],
      ['unknown id', { id: b64url('unknown') }, 'not-found', ''],
      ['genuine again, counters are not kept', {}, 'ok', ''],
    ];
    const judged = verdicts([other, passkey], cases.map(([, changes]) => login(passkey, changes)));
    for (const [index, [name, , verdict, detail]] of cases.entries()) {
      const { credentialId, ...rest } = judged[index];
      assert.equal(rest.verdict, verdict, `${name}: ${rest.detail}`);
      if (detail instanceof RegExp) assert.match(rest.detail, detail, name);
      else assert.equal(rest.detail, detail, name);
      assert.equal(rest.newCounter, verdict === 'ok' ? 8 : null, name);
    }
  });

  test(`${kind}: another credential's key under this id fails`, () => {
    const passkey = newPasskey(kind);
    const swapped = newPasskey(kind, { id: passkey.record.id });
    const [judged] = verdicts([swapped], [login(passkey)]);
    assert.equal(judged.verdict, 'failed');
    assert.match(judged.detail, /signature does not verify/);
  });

  test(`${kind}: one changed byte in the stored key fails`, () => {
    const passkey = newPasskey(kind);
    const bytes = Buffer.from(passkey.record.publicKey, 'base64url');
    bytes[bytes.length - 20] ^= 1;
    passkey.record.publicKey = b64url(bytes);
    assert.equal(verdicts([passkey], [login(passkey)])[0].verdict, 'failed');
  });
}

test('counters over the whole range, as the specification compares them', () => {
  const cases = [
    [0, 0, 'ok'], [0, 1, 'ok'], [0, 2 ** 32 - 1, 'ok'], [1, 0, 'failed'],
    [2 ** 31 - 1, 2 ** 31, 'ok'], [2 ** 31, 2 ** 31, 'failed'], [2 ** 31, 2 ** 31 + 1, 'ok'],
    [2 ** 32 - 2, 2 ** 32 - 1, 'ok'], [2 ** 32 - 1, 2 ** 32 - 1, 'failed'],
  ];
  const passkeys = cases.map(([counter]) => newPasskey('P-256', { counter }));
  const judged = verdicts(passkeys, cases.map(([, counter], i) => login(passkeys[i], { counter })));
  for (const [index, [stored, presented, verdict]] of cases.entries()) {
    assert.equal(judged[index].verdict, verdict, `stored ${stored}, presented ${presented}`);
    assert.equal(judged[index].newCounter, verdict === 'ok' ? presented : null);
  }
});

test('OpenSSL takes exponents of 64 bits at most if the modulus is longer than 3072 bits', () => {
  const sizes = [[2048, 256, 'ok'], [3072, 65, 'ok'], [3080, 64, 'ok'], [3080, 65, 'failed']];
  const passkeys = sizes.map(([bits, exponentBits]) => passkeyOf(longExponentKey(bits, exponentBits)));
  const judged = verdicts(passkeys, passkeys.map((passkey) => login(passkey)));
  assert.deepEqual(judged.map((one) => one.verdict), sizes.map(([, , verdict]) => verdict));
  // The shorter ones say no, too.
  const lies = passkeys.map((passkey) => login(passkey, { tamper: signatureOfOtherBytes(passkey) }));
  assert.deepEqual(verdicts(passkeys, lies).map((one) => one.verdict), Array(4).fill('failed'));
});

test('the least record, ids of 1 and 1023 bytes', () => {
  const least = { webauthnUserID: undefined, deviceType: undefined, backedUp: undefined, transports: undefined };
  const passkeys = [1, 1023].map((size) => newPasskey('P-256', { ...least, id: b64url(randomBytes(size)) }));
  const lines = passkeys.map((passkey) => login(passkey, { userHandle: b64url('any') }));
  assert.deepEqual(verdicts(passkeys, lines).map((one) => one.verdict), ['ok', 'ok']);
});

test('a line that cannot be judged is an error, not a success', () => {
  const passkey = newPasskey('P-256');
  const other = newPasskey('P-256');
  const without = (field) => ({ ...login(passkey), [field]: undefined });
  const lines = [
    ...['credentialId', 'challenge', 'origin', 'rpId', 'response'].map(without),
    // Genuine, but about another credential than the line says.
    login(passkey, { credentialId: other.record.id }),
    7,
    null,
    login(passkey),
  ];
  const { status, stdout } = run('verify.mjs', recordsFile([passkey, other]), assertionsFile(lines));
  assert.equal(status, 0);
  const judged = stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line).verdict);
  assert.deepEqual(judged, [...Array(8).fill('error'), 'ok']);
});

test('many lines keep their order, JSON Lines records are read', () => {
  const passkeys = Array.from({ length: 20 }, () => newPasskey('Ed25519', { user: 'split\u2028here' }));
  const lines = Array.from({ length: 2000 }, (_, i) => {
    const passkey = passkeys[(i * 7) % 20];
    return login(passkey, i % 3 ? {} : { tamper: signatureOfOtherBytes(passkey) });
  });
  const records = write('passkeys.jsonl', jsonLines(passkeys.map((passkey) => passkey.record)));
  const { status, stdout } = run('verify.mjs', records, assertionsFile(lines));
  assert.equal(status, 0);
  const judged = stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  assert.deepEqual(
    judged.map(({ credentialId, verdict }) => [credentialId, verdict]),
    lines.map(({ credentialId }, i) => [credentialId, i % 3 ? 'ok' : 'failed']),
  );
});

test('input that cannot be read exits with 2 and says why', () => {
  const passkey = newPasskey('P-256');
  const records = recordsFile([passkey]);
  const assertions = assertionsFile([login(passkey)]);
  const cases = [
    [[records], /usage/],
    [[join(folder, 'absent.json'), assertions], /absent\.json/],
    [[records, join(folder, 'absent.jsonl')], /absent\.jsonl/],
    [[records, write('bad.jsonl', `${JSON.stringify(login(passkey))}\n{"credentialId":`)], /assertion 2/],
    [[records, write('bad.jsonl', Buffer.of(0x22, 0xff, 0x22))], /not valid/],
    [[write('bad.json', '{}'), assertions], /not a JSON array/],
    [[write('bad.json', '[{]'), assertions], /bad\.json/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = run('verify.mjs', ...args);
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
    assert.equal(stdout, '');
  }
});

// ---- the loader of the example

test('the loader refuses malformed and repeated records by number', async () => {
  const good = newPasskey('P-256').record;
  const cases = [
    [{ id: `${good.id}=` }, /id is not/],
    [{ id: '' }, /id is not/],
    [{ id: undefined }, /id is not/],
    [{ id: '+/+/' }, /id is not/],
    [{ id: b64url(randomBytes(1024)) }, /id is not/],
    [{ publicKey: { 0: 165 } }, /publicKey is not/],
    [{ publicKey: `${good.publicKey}==` }, /publicKey is not/],
    [{ user: '' }, /user is not/],
    [{ user: 7 }, /user is not/],
    [{ webauthnUserID: null }, /webauthnUserID is not/],
    [{ counter: undefined }, /counter is not/],
    [{ counter: '0' }, /counter is not/],
    [{ counter: -1 }, /counter is not/],
    [{ counter: 0.5 }, /counter is not/],
    [{ counter: 2 ** 32 }, /counter is not/],
    [{ deviceType: 'multi_device' }, /deviceType is not/],
    [{ backedUp: 'true' }, /backedUp is not/],
    [{ transports: 'internal,hybrid' }, /transports is not/],
    [{ id: good.id }, /appeared before/],
  ];
  for (const [change, message] of cases) {
    const records = [good, { ...newPasskey('P-256').record, ...change }];
    for (const [name, text] of [['r.json', JSON.stringify(records)], ['r.jsonl', jsonLines(records)]]) {
      await assert.rejects(loadPasskeys(write(name, text)), (error) => {
        assert.match(error.message, /record 2: /);
        assert.match(error.message, message);
        return true;
      });
    }
  }
  await assert.rejects(loadPasskeys(write('r.json', '[null]')), /record 1: id is not/);
  await assert.rejects(loadPasskeys(write('r.json', JSON.stringify([JSON.stringify(good)]))), /record 1: id is not/);
});

test('the loader gives what SimpleWebAuthn takes', async () => {
  const passkey = newPasskey('P-256');
  const bob = newPasskey('Ed25519', { user: 'bob', webauthnUserID: undefined });
  const passkeys = await loadPasskeys(recordsFile([passkey, bob]));
  const [loaded, ...more] = passkeysOf(passkeys, 'ana@example.com');
  const { id, publicKey, counter, transports, ...rest } = passkey.record;
  assert.deepEqual(more, []);
  assert.deepEqual(loaded, {
    ...rest,
    credential: { id, publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')), counter, transports },
  });

  const { response, challenge, origin, rpId: rpID } = login(passkey);
  const expected = { challenge, origin, rpID };
  assert.deepEqual(await checkLogin(passkeys, response, expected), { passkey: loaded, newCounter: 8 });
  assert.equal(loaded.credential.counter, 7, 'the caller stores the counter');
  await assert.rejects(checkLogin(passkeys, response, { origin, rpID }), /no challenge/);
});

test('the example counts logins and exits with 1 if one is refused', () => {
  const passkey = newPasskey('P-256');
  const records = recordsFile([passkey, newPasskey('RSA')]);
  const example = '../../../examples/simplewebauthn/load.mjs';
  assert.equal(run(example, records).stdout, 'passkeys: 2, users: 1\n');
  const all = run(example, records, assertionsFile([login(passkey), login(passkey, { counter: 9 })]));
  assert.equal(all.stdout, 'passkeys: 2, users: 1\nlogins: 2 ok, 0 refused, 0 unknown\n');
  assert.equal(all.status, 0);
  const again = run(example, records, assertionsFile([login(passkey), login(passkey)]));
  assert.match(again.stdout, /logins: 1 ok, 1 refused, 0 unknown\n$/, 'the counter is kept');
  const some = run(
    example,
    records,
    assertionsFile([login(passkey), login(passkey, { counter: 0 }), login(passkey, { id: b64url('x') })]),
  );
  assert.match(some.stdout, /logins: 1 ok, 1 refused, 1 unknown\n$/);
  assert.equal(some.status, 1);
  assert.equal(run(example, join(folder, 'absent.json')).status, 2);
});
