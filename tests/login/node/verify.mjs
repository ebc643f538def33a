// node verify.mjs RECORDS ASSERTIONS
//
// Judges each line of ASSERTIONS against RECORDS with the loader of examples/simplewebauthn (so
// that the example is what is proven; run `npm ci` there first). Prints one JSON line for each, in
// the same order: {"credentialId","verdict","detail","newCounter"}. Verdicts:
//
//   ok         verifyAuthenticationResponse resolved with verified === true
//   failed     the login is refused: wrong signature, user handle, or an error of the library
//   not-found  no record has exactly this response.id
//   error      the line lacks what a judgement needs, or is about another credential than it says
//
// Every line meets the counters of RECORDS: nothing is updated between lines.
// Exit status: 0 all lines judged, 2 an input cannot be read (with a message on standard error).
import { UnknownPasskey, checkLogin, linesOf, loadPasskeys } from '../../../examples/simplewebauthn/load.mjs';

const BATCH = 64;

async function judge(passkeys, line) {
  const { credentialId, response, challenge, origin, rpId } = line;
  const verdict = (verdict, detail = '', newCounter = null) =>
    ({ credentialId: credentialId ?? null, verdict, detail, newCounter });

  for (const [name, value] of Object.entries({ credentialId, challenge, origin, rpId, 'response.id': response?.id })) {
    if (typeof value !== 'string' || value === '') return verdict('error', `the line has no ${name}`);
  }
  try {
    const { newCounter } = await checkLogin(passkeys, response, { challenge, origin, rpID: rpId });
    if (response.id !== credentialId) return verdict('error', 'response.id is not the credentialId of the line');
    return verdict('ok', '', newCounter);
  } catch (error) {
    if (error instanceof UnknownPasskey) return verdict('not-found');
    return verdict('failed', error.name === 'Error' ? error.message : `${error.name}: ${error.message}`);
  }
}

async function* batchesOf(path) {
  let batch = [];
  let number = 0;
  for await (const text of linesOf(path)) {
    number += 1;
    let line;
    try {
      line = Object(JSON.parse(text));
    } catch (error) {
      throw new Error(`${path}: assertion ${number}: ${error.message}`, { cause: error });
    }
    batch.push(line);
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length) yield batch;
}

async function main([recordsPath, assertionsPath]) {
  if (!assertionsPath) throw new Error('usage: node verify.mjs RECORDS ASSERTIONS');
  const passkeys = await loadPasskeys(recordsPath);
  for await (const batch of batchesOf(assertionsPath)) {
    const verdicts = await Promise.all(batch.map((line) => judge(passkeys, line)));
    const text = verdicts.map((verdict) => `${JSON.stringify(verdict)}\n`).join('');
    await new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 2;
});
