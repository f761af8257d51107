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
const { log, report, unexpected } = require('./reporting.js');

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
