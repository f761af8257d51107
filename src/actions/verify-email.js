/**
 * Auth0 Post-Login Action, to be bound before post-login.js: sends a user whose address is not
 * verified to a page that says so, and that sends the mail again.
 *
 * It keeps nobody out. Secrets of the Action (event.secrets):
 *   CUSTOMERLINK_VERIFY_URL      the page, https://….amazonaws.com/verify-email
 *   CUSTOMERLINK_SESSION_SECRET  what the page knows too (session_secrets in its secret)
 */
const { isAttended } = require('./attendance.js');
const { localesOf } = require('./locales.js');
const { sealed } = require('./sealed.js');

const TOKEN_SECONDS = 900;

/** https://auth0.com/docs/customize/actions (post-login trigger: redirect with a session token). */
exports.onExecutePostLogin = async (event, api) => {
  const { CUSTOMERLINK_VERIFY_URL: page, CUSTOMERLINK_SESSION_SECRET: secret } = event.secrets ?? {};
  const isToVerify = hasAddress(event.user) && !isVerified(event.user);
  // A password grant has no browser to send anywhere, and a renewal nobody in front of one.
  if (!page || !secret || !isToVerify || !isAttended(event) || !api.redirect.canRedirect()) {
    return;
  }
  const sessionToken = api.redirect.encodeToken({
    secret,
    expiresInSeconds: TOKEN_SECONDS,
    payload: {
      continue_at: `https://${event.request.hostname}/continue`,
      locale: localesOf(event),
      address: sealed(secret, event.user.email.trim()),
    },
  });
  api.redirect.sendUserTo(page, { query: { session_token: sessionToken } });
};

/** What is no text is nobody's address, and no mail could be sent to it. */
function hasAddress({ email }) {
  return typeof email === 'string' && email.trim() !== '';
}

/** Sign in with Apple and Cognito deliver "true"; no other text is a yes, least of all "false". */
function isVerified({ email_verified: verified }) {
  return verified === true || verified === 'true';
}

/** Back from the page, verified or not: the Actions behind this one decide what that means. */
exports.onContinuePostLogin = async () => undefined;
