// Who is logged in, which customer that is, and the order. What becomes of an order, server.py says.
import { settings } from '../account-linking/settings.mjs';
import { auth0, logIn } from '../account-linking/shop.mjs';
import { button, clear, counts, element } from './cart.mjs';

const HERE = `${location.origin}${location.pathname}`;
const CALLBACK = new URL('callback.html', HERE).href;
const SCOPE = 'openid profile email customers:own';

const LATER = 'That did not work yet. Please try again in a minute.';
// docs/policies.md has the list of what `POST /customers/me` answers.
const WHAT_HELPS = {
  not_authorised: 'Please log in again.',
  email_missing: 'Please add an email address to your account.',
  email_invalid: 'Please correct your email address.',
  email_not_verified: 'Please verify your email address first.',
  email_in_use: 'Another account has your address. If it is yours, link the two; else please ask us.',
  too_many_requests: 'That was too often for one day. Please come back tomorrow.',
  in_progress: LATER,
  provisioning_failed: LATER,
  auth0_unavailable: LATER,
  not_reached: LATER,
};
const SUPPORT = 'We could not take your order. Please contact us.';

const claims = await auth0.getIdTokenClaims();
const say = (text) => (document.querySelector('#said').textContent = text);

/** The customer's id, which the Action puts into the ID token; under `ProvisionAt=checkout` there is none before an order. */
const customer = () => claims[settings.claim] ?? 'none yet';

/** A log-in by the other account, with the same address, is led to link.html. */
const linkAccounts = () => logIn(CALLBACK, { prompt: 'login' });

async function order() {
  if (!claims) {
    await logIn(CALLBACK);
    return;
  }
  this.disabled = true;
  say('One moment, please.');
  const error = await ordered().catch(() => 'not_reached');
  if (error) {
    this.disabled = false;
    say(WHAT_HELPS[error] ?? SUPPORT);
  }
}

/** Go to the payment; give the error's code where there is none. */
async function ordered() {
  const token = await tokenForOrder();
  if (!token) {
    return 'not_authorised';
  }
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch('/orders', { method: 'POST', headers, body: JSON.stringify(counts) });
  const { url, error } = await answer.json();
  if (url) {
    location.assign(url);
  }
  return error;
}

/** None once the session is over: nobody is asked for a password in the midst of an order. */
const tokenForOrder = () => auth0.getTokenSilently({ authorizationParams: { scope: SCOPE } }).catch(() => undefined);

document.querySelector('#order').onclick = order;
document.querySelector('#account').replaceChildren(
  ...(claims
    ? [
        element('span', { textContent: claims.email ?? claims.sub }),
        element('span', { textContent: `Customer: ${customer()}` }),
        ...(settings.links ? [button('Link my accounts', linkAccounts)] : []),
        button('Log out', () => auth0.logout({ logoutParams: { returnTo: HERE } })),
      ]
    : [
        button('Log in', () => logIn(CALLBACK)),
        button('Sign up', () => logIn(CALLBACK, { screen_hint: 'signup' })),
      ]),
);
if (new URLSearchParams(location.search).has('ordered')) {
  // Whoever knows this address can open it: that somebody has paid, Stripe tells the server.
  history.replaceState({}, '', HERE);
  clear();
  say('Thank you for your order.');
}
