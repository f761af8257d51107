/** An application renews its tokens with these: nobody is at the screen. */
const RENEWALS = new Set(['oauth2-refresh-token', 'oauth2-token-exchange']);

/**
 * Whether somebody is at the screen, who could be asked something. Nobody is where an application
 * renews its tokens, or asks silently whether there is a session (`prompt=none`).
 */
function isAttended(event) {
  const { protocol, prompt } = event.transaction ?? {};
  return !RENEWALS.has(protocol) && !(Array.isArray(prompt) && prompt.includes('none'));
}

module.exports = { isAttended };
