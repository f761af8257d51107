// Opens a page in headless Chromium as on a phone, by day and by night, and asks axe-core what keeps whom from reading it.
import { launched, newPage } from './chromium.mjs';
import { judged } from './judged.mjs';

const [url] = process.argv.slice(2);
const PHONE = { width: 360, height: 740, isMobile: true, hasTouch: true };

const running = await launched();
try {
  const page = await newPage(running);
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.setViewport(PHONE);
  await page.goto(url);
  const shown = {};
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    shown[scheme] = await page.evaluate(() => {
      for (const each of document.querySelectorAll('details')) {
        each.open = true;
      }
      const { scrollWidth, clientWidth } = document.documentElement;
      return { overflows: scrollWidth > clientWidth, paper: getComputedStyle(document.body).backgroundColor };
    });
    Object.assign(shown[scheme], await judged(page));
  }
  const { role, name } = await page.$eval('svg', (each) => ({ role: each.role, name: each.ariaLabel }));
  process.stdout.write(JSON.stringify({ ...shown, requests, drawing: { role, name } }));
} finally {
  await running.close();
}
