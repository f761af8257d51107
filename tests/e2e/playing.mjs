// What a person does in the playground, for its test and for its pictures.

// A busy machine takes its time.
export const WAIT = { timeout: 60_000 };
const QUIET_MS = 1500;

/** Sign up in the left panel as a person does; return what the shop says then. */
export async function signedUp(page, email) {
  const left = await (await page.$('#frame')).contentFrame();
  const go = async (selector) => Promise.all([left.waitForNavigation(WAIT), left.click(selector)]);
  await left.waitForSelector('::-p-text(Sign up)', WAIT);
  await go('::-p-text(Sign up)');
  await left.type('input[name=email]', email);
  await left.type('input[name=password]', 'a long enough one');
  await go('button');
  await left.waitForSelector('[role=status]', WAIT);
  return left.$eval('[role=status]', (each) => each.innerText);
}

/** Wait until nothing has happened for a while: what is followed comes a moment later. */
export async function settled(page, before = -1) {
  await page.waitForSelector('[aria-busy=false] #link', WAIT);
  const rows = await page.$$eval('#flows summary', (found) => found.length);
  if (rows !== before) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    await settled(page, rows);
  }
}
