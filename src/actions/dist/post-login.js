// Customer Link 0.1.0
// Built from src/actions/post-login.js, src/actions/attendance.js, src/actions/denial.js, src/actions/locales.js, src/actions/ids.js, src/actions/profile.js and src/actions/reporting.js; do not edit.

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
 *   CUSTOMERLINK_DENIAL_TEXTS     optional: JSON, what somebody reads whom this Action denies by itself
 */

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
      return fail(event, api, onFailure, answer);
    }
    const isDenied = keepsOut(event, answer.instruction);
    if (isDenied) {
      // Should it not be possible to carry that out, nobody gets in by it.
      onFailure = KEPT_OUT;
    }
    const { instruction, reference } = answer;
    return obey(event, api, { ...instruction, isDenied, reference });
  } catch (error) {
    return fail(event, api, onFailure, unexpected(error));
  }
};

/** Back from the shop's linking page: linked or not, this login ends, and the next one is another try. */
exports.onContinuePostLogin = async (event, api) => {
  api.access.deny(denialText(event, 'log_in_again'));
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
  const stats = { logins_count: event.stats?.logins_count };
  return { user, stats, locale: localesOf(event), ...ofLinking(event) };
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

function obey(event, api, { isDenied, reason, message, reference, redirect, metadata }) {
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
    api.access.deny(message || denialText(event, classOf(reason), reference));
    return;
  }
  setClaims(event, api, metadata.stripe_customer_id);
}

/**
 * No usable answer: deny and mark in the same breath, because Auth0 counts a denied login too. The
 * denial comes first, so that it stands whatever becomes of the marker.
 */
function fail(event, api, { denies, marks }, { failure, isOutage, reference }) {
  log(`${failure} (${reference})`);
  if (denies) {
    api.access.deny(denialText(event, isOutage ? 'try_again' : 'support', reference));
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

/** What somebody reads whom an Action denies by itself, in a language of theirs, with a reference. */

const LONGEST_TEXT = 500;
const CLASSES = ['try_again', 'as_before', 'support', 'log_in_again'];

// Nobody sees a control character, a blank that is no space, nor what turns the direction of words;
// half an emoji is no text. The shop may put the text into a page, where markup could do something.
// The list, and its reasons, are those of src/customerlink/model/seen_text.py.
const ODD =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class -- they are what is looked for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2028-\u202e\u2060-\u206f\u2800\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Cs}|(?:^|\s)[\u200c\u200d]|[\u200c\u200d](?:$|\s|[\u200c\u200d])/u;
const MARKUP = /[<>]|&#?[\p{L}\p{N}_]+;/u;

/** Those of src/customerlink/model/denial_texts.py, to which a test holds them. */
const BUILT_IN = {
  try_again: {
    en: 'Something did not work on our side.\nPlease log in again in a minute.\nReference: {reference}',
    de: 'Bei uns hat etwas nicht funktioniert.\nBitte melden Sie sich in einer Minute noch einmal an.\nReferenz: {reference}',
    es: 'Algo no ha funcionado por nuestra parte.\nVuelva a iniciar sesión dentro de un minuto.\nReferencia: {reference}',
    fr: 'Un problème est survenu de notre côté.\nVeuillez vous reconnecter dans une minute.\nRéférence : {reference}',
  },
  as_before: {
    en: 'Your email address is in use already.\nPlease log in the way you did before, or contact support.\nReference: {reference}',
    de: 'Ihre E-Mail-Adresse wird bereits verwendet.\nBitte melden Sie sich so an wie bisher, oder wenden Sie sich an den Support.\nReferenz: {reference}',
    es: 'Su dirección de correo electrónico ya está en uso.\nInicie sesión como lo hizo antes o póngase en contacto con el servicio de asistencia.\nReferencia: {reference}',
    fr: "Votre adresse e-mail est déjà utilisée.\nVeuillez vous connecter comme auparavant ou contacter l'assistance.\nRéférence : {reference}",
  },
  support: {
    en: 'We could not create your account.\nPlease contact support for assistance.\nReference: {reference}',
    de: 'Wir konnten Ihr Konto nicht anlegen.\nBitte wenden Sie sich an den Support.\nReferenz: {reference}',
    es: 'No hemos podido crear su cuenta.\nPóngase en contacto con el servicio de asistencia.\nReferencia: {reference}',
    fr: "Nous n'avons pas pu créer votre compte.\nVeuillez contacter l'assistance.\nRéférence : {reference}",
  },
  log_in_again: {
    en: 'Please log in again.',
    de: 'Bitte melden Sie sich noch einmal an.',
    es: 'Vuelva a iniciar sesión.',
    fr: 'Veuillez vous reconnecter.',
  },
};

const BY_REASON = { provisioning_failed: 'try_again', in_progress: 'try_again', email_in_use: 'as_before' };

/** The class of an answer's reason. */
function classOf(reason) {
  return Object.hasOwn(BY_REASON, reason) ? BY_REASON[reason] : 'support';
}

/** What to deny with. It never throws: a wrong secret is told in the log, and keeps nobody out or in. */
function denialText(event, which, reference) {
  const [wanted, given] = [wantedLocales(event), givenTexts(event)];
  const texts = { ...given[which], ...without(BUILT_IN[which], given[which]) };
  const locale = wanted.flatMap(wider).find((each) => Object.hasOwn(texts, each)) ?? Object.keys(texts)[0];
  const text = texts[locale];
  if (text.includes('{reference}')) {
    return text.replaceAll('{reference}', () => reference ?? '');
  }
  return reference ? `${text}\n${reference}` : text;
}

function wantedLocales(event) {
  try {
    return normal(localesOf(event) ?? '').split(' ');
  } catch {
    return [];
  }
}

function normal(locale) {
  return locale.replaceAll('_', '-').toLowerCase();
}

/** `de-ch-1996`, `de-ch`, `de`: RFC 4647, section 3.4. */
function wider(locale) {
  const parts = locale.split('-');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'));
}

function without(texts, given = {}) {
  return Object.fromEntries(Object.entries(texts).filter(([locale]) => !Object.hasOwn(given, locale)));
}

/** The secret's texts by class and locale; none of them where one is odd, as in the function. */
function givenTexts(event) {
  try {
    const secret = event.secrets?.CUSTOMERLINK_DENIAL_TEXTS;
    return secret ? parsedTexts(secret) : {};
  } catch (error) {
    // Whatever else it is, that the event cannot be read is told already.
    if (error instanceof RangeError || error instanceof SyntaxError) {
      const problem = error instanceof RangeError ? error.message : 'is not JSON';
      console.log(`Customer Link: CUSTOMERLINK_DENIAL_TEXTS ${problem}`.slice(0, 256));
    }
    return {};
  }
}

/** Read {locale: {class: text}}; a RangeError names the field that is wrong, and never its text. */
function parsedTexts(secret) {
  const given = {};
  for (const [name, texts] of Object.entries(objectIn(JSON.parse(secret), 'is not a JSON object'))) {
    expect(LOCALE.test(name), 'has a name that is no locale');
    const locale = normal(name);
    for (const [which, text] of Object.entries(objectIn(texts, `has no texts for ${locale}`, true))) {
      expect(CLASSES.includes(which), `has an unknown class for ${locale}`);
      expectText(text, `${locale}.${which}`);
      given[which] ??= {};
      expect(!Object.hasOwn(given[which], locale), `has ${locale} twice`);
      given[which][locale] = text;
    }
  }
  return given;
}

function expectText(text, path) {
  expect(typeof text === 'string' && /[^\ufe00-\ufe0f\s\u061c\u200e\u200f]/u.test(text), `has no text for ${path}`);
  expect([...text].length <= LONGEST_TEXT, `has more than ${LONGEST_TEXT} characters for ${path}`);
  expect(!ODD.test(text), `has a character that is no text for ${path}`);
  expect(!MARKUP.test(text), `has markup for ${path}`);
}

function objectIn(value, problem, isFilled = false) {
  expect(value && typeof value === 'object' && !Array.isArray(value), problem);
  expect(!isFilled || Object.keys(value).length > 0, problem);
  return value;
}

function expect(holds, problem) {
  if (!holds) {
    throw new RangeError(problem);
  }
}

const LOCALE = /^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$/;

/** In which languages the person reads: what the application asked for, what the log-in page was in, the browser's. */
function localesOf(event) {
  const { ui_locales: asked, locale } = event.transaction ?? {};
  const all = [...(Array.isArray(asked) ? asked : []), locale, event.request?.language];
  const known = all.filter((each) => typeof each === 'string' && each.length < 36 && LOCALE.test(each));
  return [...new Set(known)].slice(0, 6).join(' ') || undefined;
}

/**
 * The form of what may be written into a profile as an id. The function refuses a customer with
 * another id before it changes anything: model/user.py, by tests/fixtures/customer-ids.json as this.
 */
const ID = /^[A-Za-z0-9_-]{1,255}$/;

function isId(value) {
  return typeof value === 'string' && ID.test(value);
}

/** Bytes of what is declared: beside the rest of it, a report of 64 KB has no room for more. */
const MOST_BYTES = 48 * 1024;

/**
 * Put what CUSTOMERLINK_PROFILE_FIELDS names into the reported profile, under the same paths. What
 * has no room is left out, so that nobody is kept out by what a profile holds.
 */
function addDeclaredFields(user, event) {
  const paths = (event.secrets?.CUSTOMERLINK_PROFILE_FIELDS ?? '').split(',');
  let room = MOST_BYTES;
  for (const path of paths.map((each) => each.trim()).filter(Boolean)) {
    const names = path.split('.');
    const value = names.reduce(own, event.user);
    const bytes = value === undefined ? Infinity : Buffer.byteLength(JSON.stringify(value, asReported));
    if (bytes <= room) {
      put(user, names, value);
      room -= bytes;
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

/** A list is none: no path leads into one, whoever reads the profile. */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
