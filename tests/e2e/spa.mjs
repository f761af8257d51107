// Plays a single-page application on auth0-spa-js in headless Chromium, and looks at the log-in pages on a phone.
//
// Standard input: {page, domain, clientId, audience, taken}. Standard output: what the SDK gave, step by step.
import axe from 'axe-core';
import { launched, newPage } from './chromium.mjs';

const PHONE = { width: 390, height: 844, isMobile: true, hasTouch: true };
const ADA = { email: 'ada@example.com', password: 'a password' };

const input = await new Promise((resolve) => {
  let text = '';
  process.stdin.on('data', (each) => (text += each)).on('end', () => resolve(JSON.parse(text)));
});

/** Load the application anew: `window.auth0` is the SDK's client. */
async function opened(page, options = {}) {
  await page.goto(input.page);
  await started(page, options);
}

async function started(page, options = {}) {
  const { domain, clientId, audience, page: redirect_uri } = input;
  const patient = { httpTimeoutInSeconds: 300, authorizeTimeoutInSeconds: 300 };
  const given = { domain, clientId, authorizationParams: { audience, redirect_uri }, ...patient, ...options };
  await page.evaluate(async (settings) => {
    const { Auth0Client } = await import('/auth0-spa-js.mjs');
    globalThis.auth0 = new Auth0Client(settings);
  }, given);
}

/** What the application asks of the SDK: its answer, or the error that it throws. */
async function asked(page, method, ...args) {
  const call = async (name, given) => {
    try {
      return await globalThis.auth0[name](...given);
    } catch ({ error, error_description: text, message }) {
      return { error: error ?? message, text };
    }
  };
  return page.evaluate(call, method, args);
}

/** Send the browser to the log-in page; with a session it is back at once. */
async function redirected(page, authorizationParams, options) {
  await opened(page, options);
  await Promise.all([page.waitForNavigation(), asked(page, 'loginWithRedirect', { authorizationParams })]);
}

async function filled(page, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = await page.waitForSelector(`input[name=${name}]`);
    await field.evaluate((each) => (each.value = ''));
    await field.type(value);
  }
  await Promise.all([page.waitForNavigation(), page.click('button')]);
}

/** The callback: what the SDK makes of it, and the claims of the ID token. */
async function back(page, options) {
  await started(page, options);
  const callback = await asked(page, 'handleRedirectCallback');
  return { callback, claims: await asked(page, 'getIdTokenClaims') };
}

/** How a log-in page is on a phone, by day and by night. */
async function looked(page) {
  const seen = {};
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    const { overflows, paper } = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return { overflows: scrollWidth > clientWidth, paper: getComputedStyle(document.body).backgroundColor };
    });
    await page.evaluate(axe.source);
    const { violations, incomplete, passes } = await page.evaluate(() => globalThis.axe.run());
    const faults = [...violations, ...incomplete].map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
    seen[scheme] = { overflows, paper, faults, passed: passes.map(({ id }) => id) };
  }
  return seen;
}

const running = await launched();
const seen = { pages: {} };
try {
  const page = await newPage(running);
  await page.setViewport(PHONE);

  await redirected(page, { screen_hint: 'signup' });
  seen.pages.signup = await looked(page);
  await filled(page, ADA);
  seen.signedUp = await back(page);
  seen.silent = await asked(page, 'getTokenSilently', { cacheMode: 'off' });

  await redirected(page, { prompt: 'login', login_hint: ADA.email });
  await filled(page, { password: 'another' });
  seen.pages.login = await looked(page);
  await filled(page, { password: ADA.password });
  seen.again = await back(page);

  const renewing = { useRefreshTokens: true, cacheLocation: 'localstorage' };
  const stored = () => page.evaluate(() => JSON.stringify(localStorage).match(/refresh_token[^:]*:[^\w-]*([\w-]+)/)[1]);
  await redirected(page, {}, renewing);
  seen.bySession = await back(page, renewing);
  const first = await stored();
  seen.renewed = await asked(page, 'getTokenSilently', { cacheMode: 'off' });
  seen.rotated = first !== (await stored());
  seen.reused = await page.evaluate(
    async ({ domain, clientId }, refresh_token) => {
      const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token });
      const answer = await fetch(`${domain}/oauth/token`, { method: 'POST', body });
      return (await answer.json()).error;
    },
    input,
    first,
  );
  seen.afterReuse = await asked(page, 'getTokenSilently', { cacheMode: 'off' });

  await Promise.all([page.waitForNavigation(), asked(page, 'logout', { logoutParams: { returnTo: input.page } })]);
  seen.loggedOut = page.url();
  await opened(page);
  seen.afterLogOut = await asked(page, 'getTokenSilently', { cacheMode: 'off' });

  await redirected(page, { connection: 'google-oauth2', login_hint: 'grace@example.com' });
  seen.pages.provider = await looked(page);
  await filled(page, { email: input.taken, name: 'Grace' });
  seen.denied = await back(page);

  await redirected(page, { connection: 'email', prompt: 'login' });
  seen.pages.address = await looked(page);
  await filled(page, { address: 'joan@example.com' });
  seen.pages.code = await looked(page);
  await filled(page, { code: await page.$eval('output', (each) => each.textContent) });
  seen.byCode = await back(page);

  await page.goto(`${input.domain}/authorize?client_id=unknown`);
  seen.pages.error = await looked(page);
} finally {
  await running.close();
}
process.stdout.write(JSON.stringify(seen));
