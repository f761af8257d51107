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
 *   CUSTOMERLINK_DENIAL_TEXTS    optional: JSON, what somebody reads whom this Action denies by itself
 */
const { classOf, denialText } = require('./denial.js');
const { isId } = require('./ids.js');
const { localesOf } = require('./locales.js');
const { addDeclaredFields } = require('./profile.js');
const { log, report, unexpected } = require('./reporting.js');

const IDS = ['stripe_customer_id', 'stripe_registration_id'];

/** https://auth0.com/docs/customize/actions (pre-user-registration trigger). */
exports.onExecutePreUserRegistration = async (event, api) => {
  try {
    const answer = await report(event, () => reportedFields(event), readInstruction);
    if (answer.failure) {
      return fail(event, api, answer);
    }
    return obey(event, api, answer);
  } catch (error) {
    return fail(event, api, unexpected(error));
  }
};

/** As yet there is no user_id: the connection and the address say who registers. */
function reportedFields(event) {
  const { email, email_verified, name } = event.user ?? {};
  const user = { email, email_verified, name };
  addDeclaredFields(user, event);
  return { user, locale: localesOf(event) };
}

/** Take nothing but a well-formed answer. */
function readInstruction({ decision, reason, message, app_metadata: metadata }) {
  const isWellFormed =
    (decision === 'continue' || decision === 'deny') &&
    (message === undefined || typeof message === 'string') &&
    metadata !== null &&
    typeof metadata === 'object' &&
    Object.entries(metadata).every(([key, value]) => IDS.includes(key) && isId(value));
  return isWellFormed ? { decision, reason, message, metadata } : undefined;
}

function obey(event, api, { instruction: { decision, reason, message, metadata }, reference }) {
  if (decision === 'deny') {
    // Nothing to mark: Auth0 makes no user of a denied registration.
    api.access.deny('customer_link', message || denialText(event, classOf(reason), reference));
    return;
  }
  for (const [key, value] of Object.entries(metadata)) {
    api.user.setAppMetadata(key, value);
  }
}

/** No usable answer: refuse, or by setting leave the customer to the first login. */
function fail(event, api, { failure, isOutage, reference }) {
  log(`${failure} (${reference})`);
  if (event?.secrets?.CUSTOMERLINK_ON_FAILURE !== 'continue') {
    api.access.deny('customer_link', denialText(event, isOutage ? 'try_again' : 'support', reference));
  }
}
