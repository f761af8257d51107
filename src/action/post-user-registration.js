/**
 * Auth0 Post-User-Registration Action: tells Customer Link the new user's id, which goes into the
 * metadata of the customer that was made before.
 *
 * Auth0 runs it beside the sign-up and waits for nobody; it can write no metadata. What it misses,
 * the first login does. Secrets of the Action (event.secrets):
 *   CUSTOMERLINK_URL             the endpoint, https://….amazonaws.com/post-user-registration
 *   CUSTOMERLINK_SIGNING_SECRET  whsec_…, one of the deployment's action_signing_secrets
 *   CUSTOMERLINK_TIMEOUT_MS      optional: how long one try may take, 6000 by default
 *
 * No npm package is needed: Node's own fetch and crypto do.
 */
const crypto = require('node:crypto');

const WIRE_VERSION = 1;

/** https://auth0.com/docs/customize/actions (post-user-registration trigger). */
exports.onExecutePostUserRegistration = async (event) => {
  try {
    const metadata = event.user?.app_metadata ?? {};
    if (!metadata.stripe_customer_id || !metadata.stripe_registration_id) {
      return;
    }
    const answer = await report(event, (attempt) => requestBody(event, metadata, attempt));
    if (answer.failure || answer.instruction.decision === 'deny') {
      log(`Customer Link: ${answer.failure ?? answer.instruction.reason}`);
    }
  } catch (error) {
    log(`Customer Link: unexpected ${nameOf(error)}`);
  }
};

function requestBody(event, metadata, attempt) {
  const { user_id } = event.user;
  const { stripe_customer_id, stripe_registration_id } = metadata;
  const user = { user_id, app_metadata: { stripe_customer_id, stripe_registration_id } };
  return JSON.stringify({
    version: WIRE_VERSION,
    tenant: { id: event.tenant?.id },
    user,
    connection: { name: event.connection?.name, strategy: event.connection?.strategy },
    try: attempt,
  });
}

/** Nothing is done with the answer, except to tell a denial. */
function readInstruction(text) {
  try {
    const { version, decision, reason } = JSON.parse(text);
    return version === WIRE_VERSION ? { decision, reason } : undefined;
  } catch {
    return undefined;
  }
}

// Reporting: the same text in every Action that reports, since an Action is one file.

const TRY_MS = 6000;
const ALL_TRIES_MS = 9000;
const FAST_MS = 2000;
const PAUSE_MS = 100;
const MAX_LOG = 256;

const WORTH_A_SECOND_TRY = new Set([429, 502, 503, 504]);

/** Report to Customer Link, once more if the first try failed fast; gives {instruction} or {failure}. */
async function report(event, bodyOf) {
  const secrets = event.secrets ?? {};
  const url = endpoint(secrets.CUSTOMERLINK_URL);
  const key = signingKey(secrets.CUSTOMERLINK_SIGNING_SECRET);
  if (!url || !key) {
    return { failure: `${url ? 'CUSTOMERLINK_SIGNING_SECRET' : 'CUSTOMERLINK_URL'} is missing or wrong` };
  }
  const tryMs = positive(secrets.CUSTOMERLINK_TIMEOUT_MS) ?? TRY_MS;
  const start = performance.now();
  const spent = () => performance.now() - start;

  let answer = await send(url, key, bodyOf(1), Math.min(tryMs, ALL_TRIES_MS));
  if (answer.retryable && spent() < FAST_MS) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const left = Math.min(tryMs, ALL_TRIES_MS - spent());
    answer = await send(url, key, bodyOf(2), left);
  }
  return answer;
}

async function send(url, key, body, timeoutMs) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signatureHeaders(key, body) },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(Math.max(1, Math.round(timeoutMs))),
    });
    const text = await response.text();
    if (response.status !== 200) {
      return { failure: `status ${response.status}`, retryable: WORTH_A_SECOND_TRY.has(response.status) };
    }
    const instruction = readInstruction(text);
    return instruction ? { instruction } : { failure: 'the answer is not of version 1' };
  } catch (error) {
    const timedOut = error?.name === 'TimeoutError' || error?.name === 'AbortError';
    return { failure: timedOut ? 'timed out' : 'no connection', retryable: !timedOut };
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
  console.log(text.slice(0, MAX_LOG));
}
