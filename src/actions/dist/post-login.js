// Customer Link 0.1.0
// Built from src/actions/post-login.js, src/actions/attendance.js, src/actions/ids.js, src/actions/profile.js and src/actions/reporting.js; do not edit.

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
 */

const DENIAL_MESSAGE =
  'We could not create your account.\nPlease contact support for assistance.';

const AGAIN_MESSAGE = 'Please log in again.';

/**
 * How long ago somebody may have logged in. In between they may have set up a second factor, or
 * waited for a mail on another Action's page: whoever takes their time must not go unchecked.
 */
const FRESH_MS = 2 * 60 * 60 * 1000;

/** Denials that pass by themselves; the next log-in tries again. */
const PASSING = new Set(['provisioning_failed', 'in_progress']);

/** The linking page's parameter of `/authorize`, and the form of what it holds (docs/policies.md). */
const STATE_PARAMETER = 'ext-customerlink-state';
const DIGEST = /^[A-Za-z0-9_-]{43}$/;

const KEPT_OUT = { denies: true, marks: true };

/** The Login flow's handler: https://auth0.com/docs/customize/actions (post-login trigger). */
exports.onExecutePostLogin = async (event, api) => {
  // Until the event has said otherwise: what cannot even be read lets nobody in.
  let onFailure = KEPT_OUT;
  try {
    const metadata = metadataOf(event);
    onFailure = consequences(event, metadata);
    if (!isToBeReported(event, metadata)) {
      return setClaims(event, api, metadata.stripe_customer_id);
    }
    const answer = await report(event, () => reportedFields(event, metadata), readInstruction);
    if (answer.failure) {
      return fail(api, onFailure, answer.failure);
    }
    const isDenied = keepsOut(event, answer.instruction);
    if (isDenied) {
      // Should it not be possible to carry that out, nobody gets in by it.
      onFailure = KEPT_OUT;
    }
    return obey(event, api, { ...answer.instruction, isDenied });
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

/** A linked user's login, and an exempt one's, costs no call, but for the very first log-in. */
function isToBeReported(event, metadata) {
  const isSettled = metadata.stripe_customer_id || metadata.stripe_signup === 'exempt';
  if (!isSettled || metadata.stripe_signup === 'unfinished') {
    return true;
  }
  return event.stats?.logins_count === 1 && isFresh(event);
}

/**
 * Whether somebody has just logged in. Auth0 counts no renewal, no silent log-in, and none by the
 * session of another application: in all of the first session the count is 1.
 */
function isFresh(event) {
  const methods = event.authentication?.methods;
  const times = Array.isArray(methods) ? methods.map((each) => Date.parse(each?.timestamp)) : [];
  const known = times.filter((time) => !Number.isNaN(time));
  // Without a time nobody can tell: one call too many does no harm.
  const isRecent = known.length === 0 || Date.now() - Math.max(...known) < FRESH_MS;
  return isAttended(event) && isRecent;
}

/**
 * What becomes of the login if there is no usable answer: an outage keeps out only who is signing
 * up. That is a first login, a marked one, and one without a proper count, since nobody can tell.
 * Everybody else goes on unmarked: the marker would make a user from before the installation sign
 * up. Of those who are signing up, the setting lets in whose profile carries no customer id. Who
 * was let in before, and renews that silently, is not denied.
 */
function consequences(event, metadata) {
  const count = event.stats?.logins_count;
  const isLater = Number.isSafeInteger(count) && count > 1;
  if (isLater && metadata.stripe_signup !== 'unfinished') {
    return { denies: false, marks: false };
  }
  const mayContinue = event.secrets?.CUSTOMERLINK_ON_FAILURE === 'continue';
  const denies = !wasLetIn(event) && (!mayContinue || Boolean(metadata.stripe_customer_id));
  return { denies, marks: true };
}

/** What the wire contract asks for, and no more. */
function reportedFields(event, metadata) {
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
  // Whose word the address is: the first identity's, whichever connection this log-in came by.
  const [primary] = Array.isArray(event.user?.identities) ? event.user.identities : [];
  if (primary) {
    user.identities = [{ connection: primary.connection, provider: primary.provider }];
  }
  addDeclaredFields(user, event);
  return { user, stats: { logins_count: event.stats?.logins_count }, ...ofLinking(event) };
}

/** In which browser the log-in began, and when somebody proved who they are, as the event has it. */
function ofLinking(event) {
  const digest = event.request?.query?.[STATE_PARAMETER];
  if (typeof digest !== 'string' || !DIGEST.test(digest)) {
    return {};
  }
  const methods = event.authentication?.methods;
  const times = Array.isArray(methods) ? methods.map((each) => ({ timestamp: each?.timestamp })) : [];
  return { request: { query: { [STATE_PARAMETER]: digest } }, authentication: { methods: times } };
}

/** Take nothing but a well-formed answer. */
function readInstruction({ decision, reason, message, redirect, app_metadata: metadata }) {
  const isWellFormed =
    typeof reason === 'string' &&
    (message === undefined || typeof message === 'string') &&
    (redirect === undefined || (typeof redirect === 'string' && redirect.startsWith('https://'))) &&
    isMetadata(metadata);
  // Without the marker, the next login would look like an old user's, whom an outage lets in.
  const isDecision =
    decision === 'continue' || (decision === 'deny' && metadata?.stripe_signup === 'unfinished');
  return isWellFormed && isDecision ? { decision, reason, message, redirect, metadata } : undefined;
}

function isMetadata(metadata) {
  if (!metadata || typeof metadata !== 'object' || Array.isArray(metadata)) {
    return false;
  }
  const { stripe_customer_id: id, stripe_signup: marker, ...others } = metadata;
  return (
    Object.keys(others).length === 0 &&
    (id === undefined || isId(id)) &&
    (marker === undefined || marker === null || marker === 'unfinished' || marker === 'exempt')
  );
}

/** Who was let in before is kept out by a refusal alone: an outage ends nobody's session. */
function keepsOut(event, { decision, reason }) {
  return decision === 'deny' && !(wasLetIn(event) && PASSING.has(reason));
}

/**
 * Whether this only goes on with what somebody was let in by. A refresh token is one; a session is
 * none, as Auth0 keeps that of a log-in that was denied: then the profile is marked, and asking
 * silently must be no way around the denial.
 */
function wasLetIn(event) {
  const isMarked = metadataOf(event).stripe_signup === 'unfinished';
  return isRenewal(event) || (isSilent(event) && !isMarked);
}

function obey(event, api, { isDenied, message, redirect, metadata }) {
  // The marker before the denial: if it cannot be set, the failure that follows denies.
  for (const [key, value] of Object.entries(metadata)) {
    api.user.setAppMetadata(key, value);
  }
  if (isDenied && redirect && isAttended(event) && api.redirect.canRedirect()) {
    // Another account of this person's may have the address: the shop's page links the two.
    api.redirect.sendUserTo(redirect);
    return;
  }
  if (isDenied) {
    api.access.deny(message || DENIAL_MESSAGE);
    return;
  }
  setClaims(event, api, metadata.stripe_customer_id);
}

/**
 * No usable answer: deny and mark in the same breath, because Auth0 counts a denied login too. The
 * denial comes first, so that it stands whatever becomes of the marker.
 */
function fail(api, { denies, marks }, cause) {
  log(cause);
  if (denies) {
    api.access.deny(DENIAL_MESSAGE);
  }
  if (!marks) {
    return;
  }
  try {
    api.user.setAppMetadata('stripe_signup', 'unfinished');
  } catch (error) {
    log(`the marker was not set, ${nameOf(error)}`);
  }
}

function setClaims(event, api, customerId) {
  const namespace = event.secrets?.CUSTOMERLINK_CLAIM_NAMESPACE;
  if (!namespace || !isId(customerId)) {
    return;
  }
  const claim = `${namespace.replace(/\/+$/, '')}/stripe_customer_id`;
  api.idToken.setCustomClaim(claim, customerId);
  api.accessToken.setCustomClaim(claim, customerId);
}

/**
 * Whether somebody is at the screen, who could be asked something. Nobody is where an application
 * renews its tokens, or asks silently whether there is a session (`prompt=none`). A token exchange
 * is a log-in: native applications sign people up by it.
 */
function isAttended(event) {
  return !isRenewal(event) && !isSilent(event);
}

function isRenewal(event) {
  return event.transaction?.protocol === 'oauth2-refresh-token';
}

function isSilent(event) {
  const prompt = event.transaction?.prompt;
  return Array.isArray(prompt) && prompt.includes('none');
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
