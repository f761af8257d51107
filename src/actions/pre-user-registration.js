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
const { isId } = require('./ids.js');
const { addDeclaredFields } = require('./profile.js');
const { log, nameOf, report } = require('./reporting.js');

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
