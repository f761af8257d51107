// The shop's ordinary log-in page.
import { auth0, denialIn, forgetState, logIn, show } from './shop.mjs';

const HERE = `${location.origin}${location.pathname}`;
const query = new URLSearchParams(location.search);

if (query.has('error')) {
  history.replaceState({}, '', HERE);
  // Auth0 keeps the session of a log-in that was denied: the next one asks who it is.
  show(denialIn(query), ['Log in', () => logIn(HERE, { prompt: 'login' })]);
} else if (query.has('code')) {
  await auth0.handleRedirectCallback();
  history.replaceState({}, '', HERE);
  forgetState();
  const { email } = await auth0.getIdTokenClaims();
  show(`You are logged in as ${email}.`);
} else {
  show('Welcome.', ['Log in', () => logIn(HERE)]);
}
