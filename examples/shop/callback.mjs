// Where Auth0 sends the browser back to: somebody is logged in, or reads why not.
import { auth0, denialIn, forgetState, logIn, show } from '../account-linking/shop.mjs';

const HERE = `${location.origin}${location.pathname}`;
const query = new URLSearchParams(location.search);
// Neither a code nor a text that somebody chose stays in the history.
history.replaceState({}, '', HERE);

const isIn =
  query.has('code') &&
  (await auth0.handleRedirectCallback(`${HERE}?${query}`).then(
    () => true,
    () => false,
  ));
if (isIn) {
  forgetState();
  location.replace('index.html');
} else {
  // Auth0 keeps the session of a log-in that was denied: the next one asks who it is.
  const again = ['Log in', () => logIn(HERE, { prompt: 'login' })];
  show(denialIn(query), again, ['Back to the shop', () => location.replace('index.html')]);
}
