// An export to JSON Lines in SimpleWebAuthn's form, as a JavaScript team would write it well: everything streams, a Map
// keeps each credential once, keys are decoded from base64 but not checked. What it writes is what keyferry writes, but
// for the fully-specified algorithms, which keyferry spells as SimpleWebAuthn knows them.
//
//   node jsonl.mjs EXPORT.csv.gz OUT.jsonl
//
// Prints one JSON object.
import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';

const [, , exportFile, out] = process.argv;

const rows = createReadStream(exportFile).pipe(createGunzip()).pipe(parse({ columns: true }));
const file = createWriteStream(out);
const owners = new Map();
let read = 0;
for await (const row of rows) {
  read += 1;
  // A target without a status takes active credentials only.
  if (row.status !== 'active') continue;
  const id = Buffer.from(row.credentialId, 'base64url').toString('base64url');
  if (owners.has(id)) {
    if (owners.get(id) !== row.externalUserId) throw new Error(`row ${read}: a credential of two users`);
    continue;
  }
  owners.set(id, row.externalUserId);
  const transports = row.transports.split(';').map((value) => value.trim()).filter(Boolean);
  const passkey = {
    id,
    publicKey: Buffer.from(row.publicKey, 'base64url').toString('base64url'),
    user: row.externalUserId,
    counter: Number.parseInt(row.authenticatorSignCount, 10),
    deviceType: row.backupEligible === 'true' ? 'multiDevice' : 'singleDevice',
    backedUp: row.backupState === 'true',
    ...(transports.length > 0 && { transports }),
  };
  if (!file.write(`${JSON.stringify(passkey)}\n`)) await once(file, 'drain');
}
file.end();
await once(file, 'finish');
console.log(JSON.stringify({ rows: read, written: owners.size }));
