// Takes the pictures of docs/playground.md: a person has signed up, by day and by night. Arguments: the address, the folder.
import path from 'node:path';
import { launched, newPage } from '../tests/e2e/chromium.mjs';
import { settled, signedUp } from '../tests/e2e/playing.mjs';

const [address, folder] = process.argv.slice(2);
const running = await launched();
try {
  const page = await newPage(running);
  await page.setViewport({ width: 1200, height: 720 });
  await page.goto(address);
  await page.waitForSelector('#stories button');
  await signedUp(page, 'ada@example.com');
  await settled(page);
  await page.$eval('#link', (each) => each.scrollIntoView({ block: 'center' }));
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.screenshot({ path: path.join(folder, `playground-${scheme}.png`), optimizeForSpeed: false });
  }
} finally {
  await running.close();
}
