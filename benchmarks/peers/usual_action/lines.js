/** The usual Action for one login after the other: a user as a line of JSON in, what it wrote out. */
const path = require('node:path');
const readline = require('node:readline');

const { onExecutePostLogin } = require(path.join(__dirname, 'post-login.js'));

const { hostname, port } = new URL(process.env.STRIPE);
const secrets = { STRIPE_KEY: process.env.STRIPE_KEY, STRIPE_HOST: hostname, STRIPE_PORT: port };

async function run(user) {
  const app_metadata = {};
  const api = { user: { setAppMetadata: (key, value) => void (app_metadata[key] = value) } };
  try {
    await onExecutePostLogin({ user, secrets }, api);
  } catch {
    return {};
  }
  return { app_metadata };
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
});
