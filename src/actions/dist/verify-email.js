// Customer Link 0.1.0
// Built from src/actions/verify-email.js, src/actions/attendance.js, src/actions/locales.js and src/actions/sealed.js; do not edit.

/**
 * Auth0 Post-Login Action, to be bound before post-login.js: sends a user whose address is not
 * verified to a page that says so, and that sends the mail again.
 *
 * It keeps nobody out. Secrets of the Action (event.secrets):
 *   CUSTOMERLINK_VERIFY_URL      the page, https://….amazonaws.com/verify-email
 *   CUSTOMERLINK_SESSION_SECRET  what the page knows too (session_secrets in its secret)
 */

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

const LOCALE = /^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$/;

/** In which languages the person reads: what the application asked for, what the log-in page was in, the browser's. */
function localesOf(event) {
  const { ui_locales: asked, locale } = event.transaction ?? {};
  const all = [...(Array.isArray(asked) ? asked : []), locale, event.request?.language];
  const known = all.filter((each) => typeof each === 'string' && each.length < 36 && LOCALE.test(each));
  return [...new Set(known)].slice(0, 6).join(' ') || undefined;
}

/** Sealing what only the page may read: the token that carries it stands in an address. */
const crypto = require('node:crypto');

const PURPOSE = 'customer-link: the address on the page';

/** AES-256-GCM by a key that is derived from the secret, and has no other use. */
function sealed(secret, text) {
  const key = crypto.hkdfSync('sha256', secret, '', PURPOSE, 32);
  const nonce = crypto.randomBytes(12);
  const cipher = crypto.createCipheriv('aes-256-gcm', Buffer.from(key), nonce);
  const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts).toString('base64url');
}
