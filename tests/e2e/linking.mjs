// Plays people at the shop's pages in headless Chromium: each in a browser of their own.
//
// Standard input: {shop, at, scenes}. `shop` is the shop's https origin, served at the address
// `at`; each scene a list of steps. Standard output: what each scene saw in the end.
import { launched, newPage } from './chromium.mjs';

/** The shop is https, as LinkingUrl has to be, and its server is on this machine. */
async function served(page, { shop, at }) {
  await page.setRequestInterception(true);
  page.on('request', async (request) => {
    const url = request.url();
    if (!url.startsWith(`${shop}/`)) {
      return request.continue();
    }
    const { authorization, 'content-type': type } = request.headers();
    const headers = Object.fromEntries(Object.entries({ authorization, 'content-type': type }).filter(([, each]) => each));
    const answer = await fetch(url.replace(shop, at), { method: request.method(), headers, body: request.postData() });
    const body = Buffer.from(await answer.arrayBuffer());
    return request.respond({ status: answer.status, contentType: answer.headers.get('content-type'), body });
  });
}

const PROVIDERS = { 'google-oauth2': 'Google', samlp: 'Acme SSO' };

async function said(page, text) {
  await page.waitForFunction((wanted) => document.querySelector('main')?.innerText.includes(wanted), {}, text);
}

/** Wait until Auth0's page is there, as a whole. */
const asked = (page) =>
  page.waitForFunction(() => document.readyState === 'complete' && document.querySelector('input[name=password]') !== null);

const STEPS = {
  open: async (page, url) => void (await page.goto(url)),
  press: async (page, name) => {
    const button = await page.waitForSelector(`::-p-xpath(//button[text()="${name}"])`);
    await button.click();
  },
  /** Log in at Auth0's page: by a password, or as an account that the provider knows. */
  as: async (page, { account, email }) => {
    await asked(page);
    const provider = PROVIDERS[account.split('|')[0]];
    if (provider) {
      await Promise.all([page.waitForNavigation(), page.click(`::-p-text(Continue with ${provider})`)]);
      await page.select('select[name=account]', account);
    } else {
      await page.type('input[name=email]', email);
      await page.type('input[name=password]', 'any');
    }
    await Promise.all([page.waitForNavigation(), page.click('button')]);
  },
  asked: async (page) => void (await asked(page)),
  sees: said,
  /** What a hostile client sends to the shop's API from the browser that it runs in. */
  posts: async (page, request) =>
    page.evaluate(async ({ token, body }) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await fetch('/accounts/link', { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: answer.status, error: (await answer.json()).error };
    }, request),
};

const input = await new Promise((resolve) => {
  let text = '';
  process.stdin.on('data', (each) => (text += each)).on('end', () => resolve(JSON.parse(text)));
});
const running = await launched();
const results = [];
try {
  for (const scene of input.scenes) {
    const context = await running.createBrowserContext();
    const page = await newPage(context);
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await served(page, input);
    let last;
    let trouble = null;
    for (const [step, argument] of scene) {
      try {
        last = await STEPS[step](page, argument);
      } catch (error) {
        trouble = `${step} ${JSON.stringify(argument)}: ${error.message}`;
        break;
      }
    }
    const storage = await page.evaluate(() => ({ ...sessionStorage })).catch(() => ({}));
    results.push({ answer: last ?? null, url: page.url(), trouble, complaints, storage });
    await context.close();
  }
} finally {
  await running.close();
}
process.stdout.write(JSON.stringify(results));
