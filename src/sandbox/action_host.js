/**
 * Runs a post-login Action as Auth0's trigger does: one JSON line in (event), one out (what the
 * Action asked for). `deny` does not throw; an uncaught error denies; so does a missing method.
 */
const path = require('node:path');
const readline = require('node:readline');

const EXECUTION_MS = 20_000;
const { onExecutePostLogin } = require(path.resolve(process.argv[2]));

function record() {
  const asked = { denial: null, app_metadata: {}, id_token: {}, access_token: {}, error: null };
  const api = {
    access: { deny: (reason) => void (asked.denial ??= String(reason)) },
    user: {
      setAppMetadata: (key, value) => void (asked.app_metadata[key] = value),
      setUserMetadata: () => undefined,
    },
    idToken: { setCustomClaim: (name, value) => void (asked.id_token[name] = value) },
    accessToken: { setCustomClaim: (name, value) => void (asked.access_token[name] = value) },
  };
  return { asked, api };
}

async function execute(event) {
  const { asked, api } = record();
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the trigger ran out of time')), EXECUTION_MS);
  });
  try {
    await Promise.race([onExecutePostLogin(event, api), deadline]);
  } catch (error) {
    asked.error = String(error?.message ?? error);
    asked.denial = asked.error;
  } finally {
    clearTimeout(timer);
  }
  return asked;
}

const answer = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);
console.log = (...args) => answer({ log: args.join(' ') });

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { call, event } = JSON.parse(line);
  answer({ call, asked: await execute(event) });
});
