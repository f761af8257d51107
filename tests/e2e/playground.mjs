// Opens the playground in headless Chromium, by day and by night, at a desk and on a phone, and uses the keyboard alone.
import { launched, newPage } from './chromium.mjs';
import { judged } from './judged.mjs';
import { settled, signedUp, verified } from './playing.mjs';

const [address] = process.argv.slice(2);
const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844, isMobile: true, hasTouch: true } };

/** What somebody who looks at the page reads. */
const read = (page) =>
  page.evaluate(() => {
    const texts = (selector, within = document) => [...within.querySelectorAll(selector)].map((each) => each.innerText.trim());
    const sides = [...document.querySelectorAll('#sides section')].map((each) => {
      const values = texts('dd', each);
      return [texts('h3', each)[0], Object.fromEntries(texts('dt', each).map((name, index) => [name, values[index]]))];
    });
    const { scrollWidth, clientWidth } = document.documentElement;
    return {
      sides: Object.fromEntries(sides),
      marked: texts('mark'),
      link: { text: texts('#link')[0], color: getComputedStyle(document.querySelector('#link')).color },
      foot: texts('#foot div'),
      rows: [...document.querySelectorAll('#flows ol summary')].map((each) => each.textContent.trim()),
      user: document.querySelector('#user').value,
      said: texts('#said')[0],
      frame: document.querySelector('iframe').src,
      paper: getComputedStyle(document.body).backgroundColor,
      overflows: scrollWidth > clientWidth,
    };
  });

/** Go on by Tab alone, until an element with such a text has the focus. */
async function tabTo(page, text) {
  for (let presses = 0; presses < 400; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => document.querySelector(':focus')?.innerText ?? '');
    if (focused.includes(text)) {
      return;
    }
  }
  throw new Error(`no way by keyboard to ${text}`);
}

async function story(page, title) {
  await tabTo(page, title);
  await page.keyboard.press('Enter');
  await page.waitForFunction((wanted) => document.querySelector('#said').innerText === wanted, {}, `${title}: as expected`);
}

/** Choose the policy, and wait until it is deployed. */
const verifiedEmail = (page, value) =>
  Promise.all([page.waitForResponse((each) => each.url().endsWith('/policy')), page.select('[name=VerifiedEmail]', value)]);

/** Open the row by keyboard, and copy what is in it. */
async function opened(page) {
  await tabTo(page, 'POST /v1/customers 200');
  await page.keyboard.press('Enter');
  const raw = await page.waitForSelector('details.stripe[open] pre');
  await tabTo(page, 'Copy as curl');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.innerText === 'Copied');
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  return { raw: await raw.evaluate((each) => each.textContent), copied };
}

/** What the page says once nobody answers: at once, at a switch and at a story, which can be tried again. */
async function gone(running) {
  const page = await newPage(running);
  const gives = (text) => page.waitForFunction((wanted) => document.querySelector('#said').innerText.startsWith(wanted), {}, text);
  await page.goto(new URL('/#of-an-earlier-run', address).href);
  await gives('The sandbox does not answer');
  await page.goto('about:blank');
  await page.goto(address);
  await page.waitForSelector('#stories button');
  await page.setOfflineMode(true);
  await page.click('#weather label:nth-of-type(2)');
  await gives('The sandbox does not answer');
  await page.$eval('#said', (each) => void (each.textContent = ''));
  await page.click('#stories button');
  await gives('The sandbox does not answer');
  return page.$eval('#stories button', (each) => !each.disabled);
}

const shown = { complaints: [], hosts: [] };
const running = await launched();
try {
  await running.defaultBrowserContext().overridePermissions(new URL(address).origin, ['clipboard-read', 'clipboard-sanitized-write']);
  const pages = {};
  for (const [size, viewport] of Object.entries(SIZES)) {
    const page = await newPage(running);
    page.on('pageerror', (error) => shown.complaints.push(String(error)));
    page.on('console', (message) => shown.complaints.push(message.text()));
    page.on('request', (request) => shown.hosts.push(new URL(request.url()).hostname));
    await page.setViewport(viewport);
    await page.goto(address);
    await page.waitForSelector('#stories button');
    shown[`${size}, start`] = await page.evaluate(() => [document.querySelector('#said').innerText, document.querySelector('#user').selectedOptions[0]?.text]);
    shown[`${size}, shop`] = await signedUp(page, `${size}@example.com`);
    pages[size] = page;
  }
  await pages.desk.bringToFront();
  await verifiedEmail(pages.desk, 'required');
  shown.asked = await signedUp(pages.desk, 'verifies@example.com', 'Verify your email address');
  shown.verified = await verified(pages.desk, judged);
  await verifiedEmail(pages.desk, 'optional');
  shown.denied = await signedUp(pages.desk, 'grace@example.com');
  await pages.desk.waitForFunction(() => document.querySelector('#said').innerText.includes(': deny ('));
  await settled(pages.desk);
  shown.deniedSaid = await pages.desk.$eval('#said', (each) => each.innerText);
  await story(pages.desk, 'An address that changes');
  shown.opened = await opened(pages.desk);
  for (const [size, page] of Object.entries(pages)) {
    await page.bringToFront();
    await settled(page);
    await page.waitForFunction(() => document.querySelector('#link').innerText.startsWith('✓ linked'));
    for (const scheme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      // High enough that nothing is scrolled away, of which axe-core could not see the colours.
      await page.setViewport({ ...SIZES[size], height: 20_000 });
      shown[`${size}, ${scheme}`] = { ...(await read(page)), ...(await judged(page)) };
    }
  }
  await pages.phone.setViewport(SIZES.phone);
  await pages.phone.goto(new URL('/operations', address).href);
  for (const scheme of ['light', 'dark']) {
    await pages.phone.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    const overflows = await pages.phone.$eval('html', (each) => each.scrollWidth > each.clientWidth);
    shown[`operations, ${scheme}`] = { overflows, ...(await judged(pages.phone)) };
  }
  shown.gone = await gone(running);
  process.stdout.write(JSON.stringify(shown));
} catch (error) {
  throw new Error(shown.complaints.join('; '), { cause: error });
} finally {
  await running.close();
}
