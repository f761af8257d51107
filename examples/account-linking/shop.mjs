// What every page of the shop shares: the Auth0 client, and the state of a log-in that began here.
import { createAuth0Client } from './auth0-spa-js.mjs';
import { settings } from './settings.mjs';

const STATE = 'customerlink.state';

export const auth0 = await createAuth0Client({
  domain: settings.domain,
  clientId: settings.clientId,
  authorizationParams: { audience: settings.audience },
});

/** Begin an ordinary log-in: a state stays in this tab, and only its digest is sent along. */
export async function logIn(page, more = {}) {
  const state = base64url(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.setItem(STATE, state);
  const digest = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(state)));
  const parameters = { redirect_uri: page, 'ext-customerlink-state': digest, ...more };
  await auth0.loginWithRedirect({ authorizationParams: parameters });
}

/** The state of this tab's log-in; a link that somebody sent finds none. */
export const stateOfThisTab = () => sessionStorage.getItem(STATE);

export const forgetState = () => sessionStorage.removeItem(STATE);

/** What the Action said; to be shown as text, since whoever makes a link to the page chooses what stands in it. */
export const denialIn = (query) =>
  (query.get('error') === 'access_denied' && query.get('error_description')) || 'You are not logged in.';

export function show(text, ...buttons) {
  document.querySelector('main').replaceChildren(
    Object.assign(document.createElement('p'), { textContent: text }),
    ...buttons.map(([name, onclick]) => Object.assign(document.createElement('button'), { textContent: name, onclick })),
  );
}

function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
