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
const { isAttended, isRenewal, isSilent } = require('./attendance.js');
const { classOf, denialText } = require('./denial.js');
const { isId } = require('./ids.js');
const { localesOf } = require('./locales.js');
const { addDeclaredFields } = require('./profile.js');
const { log, nameOf, report, unexpected } = require('./reporting.js');

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
