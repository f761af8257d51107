/** A process as Auth0 starts one for an Action: load it, run it once, tell what it wrote. */
const path = require('node:path');

const { onExecutePostLogin } = require(path.resolve(process.argv[2]));
const written = {};
const api = { user: { setAppMetadata: (key, value) => void (written[key] = value) } };
onExecutePostLogin(JSON.parse(process.argv[3]), api).then(() => {
  process.stdout.write(`${JSON.stringify(written)}\n`);
  process.exit(written.stripe_customer_id ? 0 : 1);
});
