// Customer Link 0.1.0
// Built from src/actions/pre-user-registration.js, src/actions/ids.js, src/actions/profile.js and src/actions/reporting.js; do not edit.

/**
 * Auth0 Pre-User-Registration Action: has Customer Link make the customer before there is a user.
 *
 * For database and passwordless connections; users of social and enterprise connections do not pass
 * here, and come through the Login flow. Secrets of the Action (event.secrets):
 *   CUSTOMERLINK_URL             the endpoint, https://….amazonaws.com/pre-user-registration
 *   CUSTOMERLINK_SIGNING_SECRET  whsec_…, one of the deployment's action_signing_secrets
 *   CUSTOMERLINK_ON_FAILURE      optional: "deny" (default) or "continue"
 *   CUSTOMERLINK_TIMEOUT_MS      optional: how long one try may take, 6000 by default
 *   CUSTOMERLINK_PROFILE_FIELDS  optional: user_metadata.plan,phone_number — more of the profile to report
 */

const DENIAL_MESSAGE =
  'We could not create your account.\nPlease contact support for assistance.';

const IDS = ['stripe_customer_id', 'stripe_registration_id'];

/** https://auth0.com/docs/customize/actions (pre-user-registration trigger). */
exports.onExecutePreUserRegistration = async (event, api) => {
  try {
    const answer = await report(event, () => reportedFields(event), readInstruction);
    if (answer.failure) {
      return fail(event, api, answer.failure);
    }
    return obey(api, answer.instruction);
  } catch (error) {
    return fail(event, api, `unexpected ${nameOf(error)}`);
  }
};

/** As yet there is no user_id: the connection and the address say who registers. */
function reportedFields(event) {
  const { email, email_verified, name } = event.user ?? {};
  const user = { email, email_verified, name };
  addDeclaredFields(user, event);
  return { user };
}

/** Take nothing but a well-formed answer. */
function readInstruction({ decision, message, app_metadata: metadata }) {
  const isWellFormed =
    (decision === 'continue' || decision === 'deny') &&
    (message === undefined || typeof message === 'string') &&
    metadata !== null &&
    typeof metadata === 'object' &&
    Object.entries(metadata).every(([key, value]) => IDS.includes(key) && isId(value));
  return isWellFormed ? { decision, message, metadata } : undefined;
}

function obey(api, { decision, message, metadata }) {
  if (decision === 'deny') {
    // Nothing to mark: Auth0 makes no user of a denied registration.
    api.access.deny('customer_link', message || DENIAL_MESSAGE);
    return;
  }
  for (const [key, value] of Object.entries(metadata)) {
    api.user.setAppMetadata(key, value);
  }
}

/** No usable answer: refuse, or by setting leave the customer to the first login. */
function fail(event, api, cause) {
  log(cause);
  if (event?.secrets?.CUSTOMERLINK_ON_FAILURE !== 'continue') {
    api.access.deny('customer_link', DENIAL_MESSAGE);
  }
}

/**
 * The form of what may be written into a profile as an id. The function refuses a customer with
 * another id before it changes anything: model/user.py, by tests/fixtures/customer-ids.json as this.
 */
const ID = /^[A-Za-z0-9_-]{1,255}$/;

function isId(value) {
  return typeof value === 'string' && ID.test(value);
}

/** Put what CUSTOMERLINK_PROFILE_FIELDS names into the reported profile, under the same paths. */
function addDeclaredFields(user, event) {
  const paths = (event.secrets?.CUSTOMERLINK_PROFILE_FIELDS ?? '').split(',');
  for (const path of paths.map((each) => each.trim()).filter(Boolean)) {
    const names = path.split('.');
    const value = names.reduce(own, event.user);
    if (value !== undefined) {
      put(user, names, value);
    }
  }
}

/** Give what a value has under a name by itself: `constructor` is a name that every object has. */
function own(value, name) {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Put a value into an object, where nothing is yet; give the object. */
function put(object, [name, ...rest], value) {
  const there = own(object, name);
  if (isObject(there) && rest.length) {
    put(there, rest, value);
  } else if (there === undefined || there === null) {
    // Not by assignment: to `__proto__` that would change what every object has.
    const content = rest.length ? put({}, rest, value) : value;
    const plain = { configurable: true, enumerable: true, writable: true };
    Object.defineProperty(object, name, { ...plain, value: content });
  }
  return object;
}

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

/**
 * Reporting to Customer Link: one signed request, once more if the first try failed fast.
 *
 * No npm package is needed: Node's own fetch and crypto do.
 */
const crypto = require('node:crypto');

const WIRE_VERSION = 1;

// The function ends a sign-up after 5 s: an answer that takes longer than 6 does not come any more.
const TRY_MS = 6000;
// Auth0 ends the whole flow, other Actions included, after 20 s: with an error, and without our marker.
const ALL_TRIES_MS = 9000;
// What fails later may be under way in the function, whose lease would keep a second try out.
const FAST_MS = 2000;
const PAUSE_MS = 100;
// Auth0 stores no more of what an Action logs.
const MAX_LOG = 256;

// Trouble that may be over in a moment. A 500 is a defect, which the second try would meet again.
const WORTH_A_SECOND_TRY = new Set([429, 502, 503, 504]);

/**
 * Report the trigger's `fields()`; give {failure} or {instruction}, as `readInstruction` takes it
 * from the answer.
 */
async function report(event, fields, readInstruction) {
  const secrets = event.secrets ?? {};
  const url = endpoint(secrets.CUSTOMERLINK_URL);
  const key = signingKey(secrets.CUSTOMERLINK_SIGNING_SECRET);
  if (!url || !key) {
    return { failure: `${url ? 'CUSTOMERLINK_SIGNING_SECRET' : 'CUSTOMERLINK_URL'} is missing or wrong` };
  }
  const tryMs = positive(secrets.CUSTOMERLINK_TIMEOUT_MS) ?? TRY_MS;
  const start = performance.now();
  const spent = () => performance.now() - start;
  const attempt = (number, timeoutMs) => {
    const body = requestBody(event, fields(), number);
    return send(url, key, body, timeoutMs, readInstruction);
  };

  const first = await attempt(1, Math.min(tryMs, ALL_TRIES_MS));
  if (!first.retryable || spent() >= FAST_MS) {
    return first;
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  return attempt(2, Math.min(tryMs, ALL_TRIES_MS - spent()));
}

/** The wire contract's body: the trigger's fields, and what is the same for all of them. */
function requestBody(event, fields, attempt) {
  return JSON.stringify({
    version: WIRE_VERSION,
    tenant: { id: event.tenant?.id },
    ...fields,
    connection: { name: event.connection?.name, strategy: event.connection?.strategy },
    try: attempt,
  });
}

async function send(url, key, body, timeoutMs, readInstruction) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signatureHeaders(key, body) },
      body,
      // A signed body goes to the configured address and to no other.
      redirect: 'error',
      signal: AbortSignal.timeout(Math.max(1, Math.round(timeoutMs))),
    });
    // Read under the same deadline: headers that come in time may be followed by a body that never does.
    const text = await response.text();
    if (response.status !== 200) {
      return { failure: `status ${response.status}`, retryable: WORTH_A_SECOND_TRY.has(response.status) };
    }
    const answer = parsed(text);
    const instruction = answer && readInstruction(answer);
    return instruction ? { instruction } : { failure: 'the answer is not of version 1' };
  } catch (error) {
    const timedOut = error?.name === 'TimeoutError' || error?.name === 'AbortError';
    return { failure: timedOut ? 'timed out' : 'no connection', retryable: !timedOut };
  }
}

/** Give an answer of our version; the rest of it is for the trigger to judge. */
function parsed(text) {
  try {
    const answer = JSON.parse(text);
    return answer?.version === WIRE_VERSION ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** Standard Webhooks, https://www.standardwebhooks.com: HMAC-SHA256 over id, time and raw body. */
function signatureHeaders(
  key,
  body,
  id = `msg_${crypto.randomUUID().replaceAll('-', '')}`,
  timestamp = Math.floor(Date.now() / 1000),
) {
  const digest = crypto.createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${digest}`,
  };
}

/** Strict, because Buffer.from skips what is no base64: a damaged secret would sign with another key. */
function signingKey(secret) {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret ?? '')?.[1];
  return base64 && Buffer.from(base64, 'base64');
}

/** Plain HTTP only to this very machine, where the sandbox listens. */
function endpoint(address) {
  if (!URL.canParse(address ?? '')) {
    return undefined;
  }
  const url = new URL(address);
  const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLocal) ? url : undefined;
}

function positive(text) {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

/** The name of an error's class: its message may quote anything. */
function nameOf(error) {
  return error instanceof Error ? error.name : typeof error;
}

function log(text) {
  console.log(`Customer Link: ${text}`.slice(0, MAX_LOG));
}
