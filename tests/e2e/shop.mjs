// Plays a person in the shop of examples/shop, in headless Chromium, by the keyboard alone, and looks at each page
// on both screens, by day and by night.
//
// Arguments: the shop's address, and the person's. Standard output: what the person read, and how the pages were.
import axe from 'axe-core';
import { launched, newPage } from './chromium.mjs';

const [shop, email] = process.argv.slice(2);
// High enough that nothing is scrolled away, of which axe-core could not see the colours.
const SIZES = { desk: { width: 1280, height: 1800 }, phone: { width: 390, height: 1800 } };

const seen = { complaints: [], pages: {}, said: {} };

/** Go on by Tab until what has the focus has such a name. */
async function tabTo(page, name) {
  await page.waitForFunction((wanted) => document.body.innerHTML.includes(wanted), {}, name);
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const { innerText, name: field } = document.activeElement;
      return field || innerText;
    });
    if (focused.startsWith(name)) {
      return;
    }
  }
  throw new Error(`no way by keyboard to ${name} at ${page.url()}`);
}

async function press(page, name) {
  await tabTo(page, name);
  await page.keyboard.press('Enter');
}

/** Press what leads to another page, and wait until that says something. */
async function go(page, name, awaited) {
  await press(page, name);
  await page.waitForFunction((wanted) => document.body?.innerText.includes(wanted), {}, awaited);
}

async function type(page, field, text) {
  await tabTo(page, field);
  await page.keyboard.type(text);
}

/** What a page is, and what axe-core has against it. */
async function look(page, name) {
  await page.evaluate(axe.source);
  seen.pages[name] = {};
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewport(viewport);
    for (const scheme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      const { violations, incomplete, passes } = await page.evaluate(() => globalThis.axe.run());
      const { overflows, paper } = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return { overflows: scrollWidth > clientWidth, paper: getComputedStyle(document.body).backgroundColor };
      });
      const faults = [...violations, ...incomplete].map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
      seen.pages[name][`${size}, ${scheme}`] = { overflows, paper, faults, passed: passes.map(({ id }) => id) };
    }
  }
}

const read = (page, selector) => page.$eval(selector, (each) => each.innerText);

/** Log in by a provider, which says the address. */
async function by(page, provider, awaited) {
  await go(page, `Continue with ${provider}`, `where ${provider} would ask`);
  await type(page, 'email', email);
  await go(page, 'Continue', awaited);
}

const running = await launched();
try {
  const page = await newPage(running);
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  page.on('console', (message) => seen.complaints.push(message.text()));
  await page.setViewport(SIZES.desk);
  await page.goto(shop);

  await press(page, 'Add Coffee');
  await press(page, 'Add Coffee');
  await press(page, 'Add Cup');
  await press(page, 'Remove Cup');
  await go(page, 'Sign up', 'Continue with Google');
  await by(page, 'Google', 'Link my accounts');
  seen.said.signedUp = await read(page, '#account');
  seen.said.cart = await read(page, '#cart');
  await look(page, 'shop');

  await go(page, 'Order', 'Your payment');
  seen.said.payment = await read(page, 'main');
  await look(page, 'payment');
  await go(page, 'Pay', 'Thank you');
  seen.said.paid = await read(page, 'main');

  await go(page, 'Log out', 'Sign up');
  await go(page, 'Sign up', 'Continue with Google');
  await type(page, 'email', email);
  await type(page, 'password', 'a password');
  await go(page, 'Continue', 'Reference');
  seen.said.denied = await read(page, 'main');
  seen.said.address = page.url();
  await look(page, 'denied');

  await go(page, 'Log in', 'Continue with Google');
  await by(page, 'Google', 'Link my accounts');
  await go(page, 'Link my accounts', 'Continue with Apple');
  await by(page, 'Apple', 'another account has the same address');
  await look(page, 'link');
  await go(page, 'Log in to the other account', 'Continue with Google');
  await by(page, 'Google', 'Add it');
  seen.said.question = await read(page, 'main');
  await go(page, 'Add it', 'Done');
  await go(page, 'Back to the shop', 'Link my accounts');
  seen.said.linked = await read(page, '#account');
  process.stdout.write(JSON.stringify(seen));
} catch (error) {
  throw new Error(JSON.stringify(seen), { cause: error });
} finally {
  await running.close();
}
