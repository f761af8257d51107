// Headless Chromium: the one named by CHROMIUM, or the one that comes as an npm package (Linux on x86_64).
import puppeteer from 'puppeteer-core';

const TRIES = 5;
const PAUSE_MS = 2000;
// A busy machine takes its time.
const WAIT_MS = 60_000;

async function browser() {
  const named = process.env.CHROMIUM;
  if (named) {
    return { executablePath: named, args: ['--no-sandbox'] };
  }
  const { default: chromium } = await import('@sparticuz/chromium');
  // In a single process there is one browser for all.
  const args = chromium.args.filter((each) => each !== '--single-process' && each !== '--no-zygote');
  return { executablePath: await chromium.executablePath(), args };
}

/** Give a running browser; another test may be unpacking the very file just now, so a start is tried again. */
export async function launched(tries = TRIES) {
  try {
    return await puppeteer.launch({ ...(await browser()), headless: 'shell', timeout: WAIT_MS });
  } catch (error) {
    if (tries === 1) {
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    return launched(tries - 1);
  }
}

/** Open a page that waits for everything as long as a busy machine may take. */
export async function newPage(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  return page;
}
