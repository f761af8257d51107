// The page LinkingUrl: Auth0 sends somebody here whose address belongs to another account.
import { auth0, forgetState, show, stateOfThisTab } from './shop.mjs';

const TICKET = 'customerlink.ticket';
const HERE = `${location.origin}${location.pathname}`;
const KINDS = { auth0: 'password', 'google-oauth2': 'Google', apple: 'Apple', samlp: 'company (SAML)' };

const query = new URLSearchParams(location.search);
if (query.has('link_ticket')) {
  sessionStorage.setItem(TICKET, query.get('link_ticket'));
}
const ticket = sessionStorage.getItem(TICKET);
// Neither the ticket nor a code stays in the history.
history.replaceState({}, '', HERE);

if (!ticket || !stateOfThisTab()) {
  end('Nobody has begun to log in here. Please log in again.');
} else if (query.has('code')) {
  await askForConsent();
} else if (query.has('error')) {
  end('You are not logged in. Please log in again.');
} else {
  const text = `You have just logged in by ${kind()}, and another account has the same address. To make them one, log in to the other account.`;
  show(text, ['Log in to the other account', logInToTheFirst], ['No', () => end('Nothing was changed.')]);
}

/** With max_age the ID token says when somebody logged in: a session that goes on proves nothing. */
async function logInToTheFirst() {
  await auth0.loginWithRedirect({
    authorizationParams: { redirect_uri: HERE, prompt: 'login', max_age: 300, scope: 'openid email accounts:link' },
  });
}

async function askForConsent() {
  await auth0.handleRedirectCallback(`${HERE}?${query}`);
  const { email, __raw: idToken } = await auth0.getIdTokenClaims();
  const text = `Add the log-in by ${kind()} (${account()}) to the account ${email}? Whoever has it gets into this account from then on.`;
  show(text, ['Add it', () => link(idToken)], ['No', () => end('Nothing was changed.')]);
}

async function link(idToken) {
  const token = await auth0.getTokenSilently({ authorizationParams: { scope: 'openid email accounts:link' } });
  const answer = await fetch('/accounts/link', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ link_ticket: ticket, link_state: stateOfThisTab(), primary_id_token: idToken }),
  });
  // 409 and 503 pass: the same request again ends it.
  if (answer.status === 409 || answer.status === 503) {
    show('That did not work yet.', ['Try again', () => link(idToken)]);
  } else {
    end(answer.ok ? 'Done: both log-ins lead to one account.' : 'That was refused. Please log in again.');
  }
}

function end(text) {
  forgetState();
  sessionStorage.removeItem(TICKET);
  show(text);
}

/** Who the ticket is about; for the eye alone: the API judges the ticket. */
function account() {
  const payload = ticket.split('.')[0].replaceAll('-', '+').replaceAll('_', '/');
  try {
    return String(JSON.parse(atob(payload)).user_id);
  } catch {
    return 'unknown';
  }
}

function kind() {
  const provider = account().split('|')[0];
  return KINDS[provider] ?? provider;
}
