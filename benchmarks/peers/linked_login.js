/** A linked user's login, a hundred thousand times: prints the microseconds of one. */
const path = require('node:path');

const { onExecutePostLogin } = require(path.join(__dirname, '../../src/actions/dist/post-login.js'));
const event = {
  user: { user_id: 'auth0|1', app_metadata: { stripe_customer_id: 'cus_1' } },
  stats: { logins_count: 7 },
  secrets: {},
};
const RUNS = 100_000;

async function main() {
  for (let warm = 0; warm < RUNS; warm += 1) await onExecutePostLogin(event, {});
  const start = process.hrtime.bigint();
  for (let run = 0; run < RUNS; run += 1) await onExecutePostLogin(event, {});
  console.log(Number(process.hrtime.bigint() - start) / 1000 / RUNS);
}

main();
