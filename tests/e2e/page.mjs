// Opens a page in headless Chromium with JavaScript off, as on a phone, and presses its button.
import { launched, newPage } from './chromium.mjs';

const [url, screenshot] = process.argv.slice(2);

const running = await launched();
try {
  const page = await newPage(running);
  await page.setJavaScriptEnabled(false);
  await page.setViewport({ width: 320, height: 568, isMobile: true, hasTouch: true });
  const complaints = [];
  page.on('console', (message) => complaints.push(message.text()));
  const response = await page.goto(url);
  const seen = async () => ({
    heading: await page.$eval('h1', (each) => each.textContent),
    notice: await page.$$eval('[role=status]', (found) => found.map((each) => each.textContent)),
    back: await page.$$eval('a.button', (found) => found.map((each) => each.href)),
    overflows: await page.$eval('html', (each) => each.scrollWidth > each.clientWidth),
    button: await page.$$eval('button', (found) =>
      found.map((each) => ({
        height: each.getBoundingClientRect().height,
        radius: getComputedStyle(each).borderTopLeftRadius,
      })),
    ),
  });
  const first = await seen();
  await page.screenshot({ path: screenshot });
  const pressed = [];
  for (let press = 0; press < 2 && first.button.length; press += 1) {
    await Promise.all([page.waitForNavigation(), page.click('button')]);
    pressed.push(await seen());
  }
  process.stdout.write(JSON.stringify({ status: response.status(), first, pressed, complaints }));
} finally {
  await running.close();
}
