/**
 * Auth0 Post-Login Action: reports a login to Customer Link and carries out its instruction.
 *
 * Secrets of the Action (event.secrets):
 *   CUSTOMERLINK_URL              the endpoint, https://….amazonaws.com/post-login
 *   CUSTOMERLINK_SIGNING_SECRET   whsec_…, one of the deployment's action_signing_secrets
 *   CUSTOMERLINK_ON_FAILURE       optional: "deny" (default) or "continue"
 *   CUSTOMERLINK_TIMEOUT_MS       optional: how long one try may take, 6000 by default
 *   CUSTOMERLINK_CLAIM_NAMESPACE  optional: https://…, puts the customer id into the tokens
 *   CUSTOMERLINK_PROFILE_FIELDS   optional: user_metadata.plan,phone_number — more of the profile to report
 *
 * No npm package is needed: Node's own fetch and crypto do.
 */
const crypto = require('node:crypto');

const WIRE_VERSION = 1;
const DENIAL_MESSAGE =
  'We could not create your account.\nPlease contact support for assistance.';

const AGAIN_MESSAGE = 'Please log in again.';

const CUSTOMER_ID = /^[A-Za-z0-9_-]{1,255}$/;

const KEPT_OUT = { denies: true, marks: true };

/** The Login flow's handler: https://auth0.com/docs/customize/actions (post-login trigger). */
exports.onExecutePostLogin = async (event, api) => {
  let onFailure = KEPT_OUT;
  try {
    const metadata = metadataOf(event);
    onFailure = consequences(event, metadata);
    if (!isToBeReported(event, metadata)) {
      return setClaims(event, api, metadata.stripe_customer_id);
    }
    const answer = await report(event, (attempt) => requestBody(event, metadata, attempt));
    if (answer.failure) {
      return fail(api, onFailure, answer.failure);
    }
    if (answer.instruction.decision === 'deny') {
      // Should it not be possible to carry that out, nobody gets in by it.
      onFailure = KEPT_OUT;
    }
    return obey(event, api, answer.instruction);
  } catch (error) {
    return fail(api, onFailure, `unexpected ${nameOf(error)}`);
  }
};

/** Back from the shop's linking page: linked or not, this login ends, and the next one is another try. */
exports.onContinuePostLogin = async (event, api) => {
  api.access.deny(AGAIN_MESSAGE);
};

/** Custom databases may deliver anything as app_metadata: what is no object counts as empty. */
function metadataOf(event) {
  const metadata = event.user?.app_metadata;
  return metadata && typeof metadata === 'object' && !Array.isArray(metadata) ? metadata : {};
}

/** A linked user's login, and an exempt one's, costs no call. */
function isToBeReported(event, metadata) {
  if (event.stats?.logins_count === 1 || metadata.stripe_signup === 'unfinished') {
    return true;
  }
  return !metadata.stripe_customer_id && metadata.stripe_signup !== 'exempt';
}

/**
 * What becomes of the login if there is no usable answer: an outage keeps out only who is signing
 * up. That is a first login, a marked one, and one without a proper count, since nobody can tell.
 * Everybody else goes on unmarked: the marker would make a user from before the installation sign
 * up. Of those who are signing up, the setting lets in whose profile carries no customer id.
 */
function consequences(event, metadata) {
  const count = event.stats?.logins_count;
  const isLater = Number.isSafeInteger(count) && count > 1;
  if (isLater && metadata.stripe_signup !== 'unfinished') {
    return { denies: false, marks: false };
  }
  const mayContinue = event.secrets?.CUSTOMERLINK_ON_FAILURE === 'continue';
  return { denies: !mayContinue || Boolean(metadata.stripe_customer_id), marks: true };
}

/** The first form of the wire contract's body: what is needed, and no more. */
function requestBody(event, metadata, attempt) {
  const { user_id, email, email_verified, name, created_at } = event.user ?? {};
  const { stripe_customer_id, stripe_registration_id, stripe_signup } = metadata;
  const user = {
    user_id,
    email,
    email_verified,
    name,
    created_at,
    app_metadata: { stripe_customer_id, stripe_registration_id, stripe_signup },
  };
  addDeclaredFields(user, event);
  return JSON.stringify({
    version: WIRE_VERSION,
    tenant: { id: event.tenant?.id },
    user,
    stats: { logins_count: event.stats?.logins_count },
    connection: { name: event.connection?.name, strategy: event.connection?.strategy },
    try: attempt,
  });
}

/** Take nothing but a well-formed answer of version 1. */
function readInstruction(text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { version, decision, reason, message, redirect, app_metadata: metadata } = answer ?? {};
  const isWellFormed =
    version === WIRE_VERSION &&
    typeof reason === 'string' &&
    (message === undefined || typeof message === 'string') &&
    (redirect === undefined || (typeof redirect === 'string' && redirect.startsWith('https://'))) &&
    isMetadata(metadata);
  const isDecision =
    decision === 'continue' || (decision === 'deny' && metadata?.stripe_signup === 'unfinished');
  return isWellFormed && isDecision ? { decision, message, redirect, metadata } : undefined;
}

function isMetadata(metadata) {
  if (!metadata || typeof metadata !== 'object' || Array.isArray(metadata)) {
    return false;
  }
  const { stripe_customer_id: id, stripe_signup: marker, ...others } = metadata;
  return (
    Object.keys(others).length === 0 &&
    (id === undefined || (typeof id === 'string' && CUSTOMER_ID.test(id))) &&
    (marker === undefined || marker === null || marker === 'unfinished' || marker === 'exempt')
  );
}

function obey(event, api, { decision, message, redirect, metadata }) {
  for (const [key, value] of Object.entries(metadata)) {
    api.user.setAppMetadata(key, value);
  }
  if (decision === 'deny' && redirect && api.redirect.canRedirect()) {
    // Another account of this person's may have the address: the shop's page links the two.
    api.redirect.sendUserTo(redirect);
    return;
  }
  if (decision === 'deny') {
    api.access.deny(message || DENIAL_MESSAGE);
    return;
  }
  setClaims(event, api, metadata.stripe_customer_id);
}

/** No usable answer: deny and mark in the same breath, because Auth0 counts a denied login too. */
function fail(api, { denies, marks }, cause) {
  log(`Customer Link: ${cause}`);
  if (denies) {
    api.access.deny(DENIAL_MESSAGE);
  }
  if (!marks) {
    return;
  }
  try {
    api.user.setAppMetadata('stripe_signup', 'unfinished');
  } catch (error) {
    log(`Customer Link: the marker was not set, ${nameOf(error)}`);
  }
}

function setClaims(event, api, customerId) {
  const namespace = event.secrets?.CUSTOMERLINK_CLAIM_NAMESPACE;
  if (!namespace || typeof customerId !== 'string' || !customerId) {
    return;
  }
  const claim = `${namespace.replace(/\/+$/, '')}/stripe_customer_id`;
  api.idToken.setCustomClaim(claim, customerId);
  api.accessToken.setCustomClaim(claim, customerId);
}

/** Put what CUSTOMERLINK_PROFILE_FIELDS names into the reported profile, under the same paths. */
function addDeclaredFields(user, event) {
  const paths = (event.secrets?.CUSTOMERLINK_PROFILE_FIELDS ?? '').split(',');
  for (const path of paths.map((each) => each.trim()).filter(Boolean)) {
    const names = path.split('.');
    const last = names.pop();
    let [from, to] = [event.user, user];
    for (const name of names) {
      from = from?.[name];
      to = to[name] ??= {};
    }
    to[last] ??= from?.[last];
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

exports.signatureHeaders = signatureHeaders;
