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

module.exports = { isAttended, isRenewal, isSilent };
