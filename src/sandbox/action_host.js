/**
 * Runs a post-login Action as Auth0's trigger does: one JSON line in (event), one out (what the
 * Action asked for). `deny` does not throw; an uncaught error denies; so does a missing method.
 */
const path = require('node:path');
const readline = require('node:readline');

const { guarded, recordingApi } = require('./auth0/trigger.js');

const EXECUTION_MS = 20_000;
const { onExecutePostLogin } = require(path.resolve(process.argv[2]));

async function execute(event) {
  const { asked, api } = recordingApi();
  let error = null;
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the trigger ran out of time')), EXECUTION_MS);
  });
  try {
    await Promise.race([onExecutePostLogin(guarded(event), api), deadline]);
  } catch (thrown) {
    error = String(thrown?.message ?? thrown);
  } finally {
    clearTimeout(timer);
  }
  return { ...asked, error, denial: error ?? asked.denials[0] ?? null };
}

const answer = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);
console.log = (...args) => answer({ log: args.join(' ') });

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { call, event } = JSON.parse(line);
  answer({ call, asked: await execute(event) });
});
