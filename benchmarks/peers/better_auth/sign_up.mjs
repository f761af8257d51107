/**
 * better-auth with its Stripe plugin, as its documentation has it: a line of JSON in, one out.
 * https://www.better-auth.com/docs/plugins/stripe
 *
 * Auth0 keeps the passwords of the others: here nobody's is hashed, which would be most of the processor's time.
 */
import readline from 'node:readline';

import { stripe } from '@better-auth/stripe';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import pg from 'pg';
import Stripe from 'stripe';

const { DATABASE, STRIPE, STRIPE_KEY } = process.env;
const WEBHOOK_SECRET = `whsec_${'peer'.repeat(6)}`;
const at = new URL(STRIPE);
const stripeClient = new Stripe(STRIPE_KEY, {
  host: at.hostname,
  port: at.port,
  protocol: 'http',
  telemetry: false,
});
const pool = new pg.Pool({ connectionString: DATABASE });
const auth = betterAuth({
  baseURL: 'http://127.0.0.1',
  secret: 'nobody calls this from outside, 32+',
  database: pool,
  emailAndPassword: {
    enabled: true,
    password: { hash: async (given) => given, verify: async ({ hash, password }) => hash === password },
  },
  user: { changeEmail: { enabled: true, updateEmailWithoutVerification: true }, deleteUser: { enabled: true } },
  logger: { disabled: true },
  telemetry: { enabled: false },
  plugins: [stripe({ stripeClient, stripeWebhookSecret: WEBHOOK_SECRET, createCustomerOnSignUp: true })],
});

const linkOf = async (id) =>
  (await pool.query('SELECT "stripeCustomerId" FROM "user" WHERE id = $1', [id])).rows[0]?.stripeCustomerId ?? null;

/** Sign up; who is known already logs in, and who is not let in is refused. */
async function signUp({ user_id, email, name }) {
  const body = { email, name, password: `password of ${user_id}` };
  let session;
  try {
    session = await auth.api.signUpEmail({ body });
  } catch (error) {
    if (error.body?.code !== 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL') throw error;
    try {
      session = await auth.api.signInEmail({ body });
    } catch {
      return { outcome: 'refused' };
    }
  }
  const customer = await linkOf(session.user.id);
  return { outcome: customer ? 'linked' : 'failed', customer, token: session.token };
}

/** Return the headers of somebody's session. */
async function sessionOf({ user_id, email }) {
  const body = { email, password: `password of ${user_id}` };
  const { headers } = await auth.api.signInEmail({ body, returnHeaders: true });
  return new Headers({ cookie: headers.get('set-cookie') });
}

/** Take an event of Stripe's, as its webhook would. */
async function webhook({ event }) {
  const payload = JSON.stringify(event);
  const signature = await stripeClient.webhooks.generateTestHeaderStringAsync({ payload, secret: WEBHOOK_SECRET });
  const headers = { 'stripe-signature': signature, 'content-type': 'application/json' };
  const request = new Request('http://127.0.0.1/api/auth/stripe/webhook', { method: 'POST', headers, body: payload });
  return { status: (await auth.handler(request)).status };
}

const ACTS = {
  migrate: async () => (await (await getMigrations(auth.options)).runMigrations(), {}),
  sign_up: signUp,
  links: async () => ({
    links: (await pool.query('SELECT id AS "user", email, "stripeCustomerId" AS customer FROM "user"')).rows,
  }),
  change_address: async (person) => {
    await auth.api.changeEmail({ body: { newEmail: person.to }, headers: await sessionOf(person) });
    return {};
  },
  delete_user: async (person) => {
    const body = { password: `password of ${person.user_id}` };
    await auth.api.deleteUser({ body, headers: await sessionOf(person) });
    return {};
  },
  webhook,
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = await ACTS[asked.act](asked);
  } catch (error) {
    answer = { outcome: 'failed', error: String(error.body?.code ?? error.message) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
