// Customer Link 0.1.0
// Built from src/actions/post-user-registration.js and src/actions/reporting.js; do not edit.

/**
 * Auth0 Post-User-Registration Action: tells Customer Link the new user's id, which goes into the
 * metadata of the customer that was made before.
 *
 * Auth0 runs it beside the sign-up and waits for nobody; it can write no metadata. What it misses,
 * the first login does. Secrets of the Action (event.secrets):
 *   CUSTOMERLINK_URL             the endpoint, https://….amazonaws.com/post-user-registration
 *   CUSTOMERLINK_SIGNING_SECRET  whsec_…, one of the deployment's action_signing_secrets
 *   CUSTOMERLINK_TIMEOUT_MS      optional: how long one try may take, 6000 by default
 */

/** https://auth0.com/docs/customize/actions (post-user-registration trigger). */
exports.onExecutePostUserRegistration = async (event) => {
  try {
    const metadata = event.user?.app_metadata ?? {};
    if (!metadata.stripe_customer_id || !metadata.stripe_registration_id) {
      return;
    }
    const answer = await report(event, () => reportedFields(event, metadata), readInstruction);
    if (answer.failure || answer.instruction.decision === 'deny') {
      log(`${answer.failure ?? answer.instruction.reason} (${answer.reference})`);
    }
  } catch (error) {
    log(unexpected(error).failure);
  }
};

function reportedFields(event, metadata) {
  const { user_id } = event.user;
  const { stripe_customer_id, stripe_registration_id } = metadata;
  return { user: { user_id, app_metadata: { stripe_customer_id, stripe_registration_id } } };
}

/** Nothing is done with the answer, except to tell a denial. */
function readInstruction({ decision, reason }) {
  return { decision, reason };
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
// Twice what Stripe takes of any text, and more than an address or an id may have. A report that is
// longer than 64 KB is refused, whatever makes it so.
const MOST_CHARACTERS = 1024;
// Auth0 stores no more of what an Action logs.
const MAX_LOG = 256;

// Trouble that may be over in a moment. A 500 is a defect, which the second try would meet again.
const WORTH_A_SECOND_TRY = new Set([429, 502, 503, 504]);

/**
 * Report the trigger's `fields()`; give {failure} or {instruction}, as `readInstruction` takes it
 * from the answer. Both with the report's reference; `isOutage` says of a failure that it may pass.
 */
async function report(event, fields, readInstruction) {
  const secrets = event.secrets ?? {};
  const url = endpoint(secrets.CUSTOMERLINK_URL);
  const key = signingKey(secrets.CUSTOMERLINK_SIGNING_SECRET);
  if (!url || !key) {
    const failure = `${url ? 'CUSTOMERLINK_SIGNING_SECRET' : 'CUSTOMERLINK_URL'} is missing or wrong`;
    return { failure, reference: referenceOf(messageId()) };
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
  const body = {
    version: WIRE_VERSION,
    tenant: { id: event.tenant?.id },
    ...fields,
    connection: { name: event.connection?.name, strategy: event.connection?.strategy },
    try: attempt,
  };
  return JSON.stringify(body, asReported);
}

/** JSON's replacer: a text is cut off far behind what anybody makes of it, and not within a character. */
function asReported(_, value) {
  const isLong = typeof value === 'string' && value.length > MOST_CHARACTERS;
  return isLong ? value.slice(0, MOST_CHARACTERS).replace(/[\ud800-\udbff]$/, '') : value;
}

async function send(url, key, body, timeoutMs, readInstruction) {
  const id = messageId();
  const headers = { 'content-type': 'application/json', ...signatureHeaders(key, body, id) };
  const answer = await posted(url, headers, body, timeoutMs, readInstruction);
  return { ...answer, reference: referenceOf(id) };
}

async function posted(url, headers, body, timeoutMs, readInstruction) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      // A signed body goes to the configured address and to no other.
      redirect: 'error',
      signal: AbortSignal.timeout(Math.max(1, Math.round(timeoutMs))),
    });
    // Read under the same deadline: headers that come in time may be followed by a body that never does.
    const text = await response.text();
    if (response.status !== 200) {
      return failed(response.status);
    }
    const answer = parsed(text);
    const instruction = answer && readInstruction(answer);
    return instruction ? { instruction } : { failure: 'the answer is not of version 1' };
  } catch (error) {
    const timedOut = error?.name === 'TimeoutError' || error?.name === 'AbortError';
    return { failure: timedOut ? 'timed out' : 'no connection', isOutage: true, retryable: !timedOut };
  }
}

/** A status of 4xx is of a wrong setting, which another try meets again; of 5xx, one that may pass. */
function failed(status) {
  const retryable = WORTH_A_SECOND_TRY.has(status);
  return { failure: `status ${status}`, isOutage: retryable || status >= 500, retryable };
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
function signatureHeaders(key, body, id = messageId(), timestamp = Math.floor(Date.now() / 1000)) {
  const digest = crypto.createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${digest}`,
  };
}

function messageId() {
  return `msg_${crypto.randomUUID().replaceAll('-', '')}`;
}

/** What the person and the function's log call a report, made alike there; nobody can be told by it. */
function referenceOf(id) {
  const digits = crypto.createHash('sha256').update(id).digest('hex').slice(0, 8).toUpperCase();
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}

/** Of what went wrong before anything was reported. */
function unexpected(error) {
  return { failure: `unexpected ${nameOf(error)}`, reference: referenceOf(messageId()) };
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
  return error instanceof Error ? String(error.name).slice(0, 99) : typeof error;
}

function log(text) {
  console.log(`Customer Link: ${text}`.slice(0, MAX_LOG));
}
