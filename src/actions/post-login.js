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
const { addDeclaredFields } = require('./profile.js');
const { log, nameOf, report } = require('./reporting.js');

const DENIAL_MESSAGE =
  'We could not create your account.\nPlease contact support for assistance.';

const AGAIN_MESSAGE = 'Please log in again.';

const CUSTOMER_ID = /^[A-Za-z0-9_-]{1,255}$/;

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
  addDeclaredFields(user, event);
  return { user, stats: { logins_count: event.stats?.logins_count } };
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
  // The marker before the denial: if it cannot be set, the failure that follows denies.
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
  if (!namespace || typeof customerId !== 'string' || !customerId) {
    return;
  }
  const claim = `${namespace.replace(/\/+$/, '')}/stripe_customer_id`;
  api.idToken.setCustomClaim(claim, customerId);
  api.accessToken.setCustomClaim(claim, customerId);
}
