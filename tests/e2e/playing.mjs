// What a person does in the playground, for its test and for its pictures.

const QUIET_MS = 1500;

/** Sign up in the left panel's shop as a person does; return what it says once it shows that text. */
export async function signedUp(page, email, end = 'Customer: |Reference: ') {
  const left = await (await page.$('#frame')).contentFrame();
  const shows = (text) => left.waitForFunction((wanted) => document.body?.innerText.match(wanted), {}, text);
  const press = async (name) => (await left.waitForSelector(`::-p-xpath(//button[text()="${name}"])`)).click();
  await shows('Log in|Log out');
  if ((await left.$eval('body', (each) => each.innerText)).includes('Log out')) {
    await press('Log out');
  }
  await press('Sign up');
  await left.waitForSelector('input[name=password]');
  await left.type('input[name=email]', email);
  await left.type('input[name=password]', 'a long enough one');
  await press('Continue');
  await shows(end);
  return left.$eval('body', (each) => each.innerText);
}

/** From the page that asks for it, verify an address by the newest mail, and go on; return what the shop says. */
export async function verified(page, look = () => undefined) {
  const left = await (await page.$('#frame')).contentFrame();
  const opened = new Promise((resolve) => page.once('popup', resolve));
  await (await left.waitForSelector(`::-p-xpath(//a[contains(text(), "mail")])`)).click();
  const mail = await opened;
  const link = await mail.waitForSelector('main a');
  const seen = await look(mail);
  await link.click();
  await mail.waitForSelector('[role=status]');
  await mail.close();
  await (await left.waitForSelector('a.button')).click();
  await left.waitForFunction(() => document.body?.innerText.includes('Customer: cus_'));
  return { seen, shop: await left.$eval('body', (each) => each.innerText) };
}

/** Wait until nothing has happened for a while: what is followed comes a moment later. */
export async function settled(page, before = -1) {
  await page.waitForSelector('[aria-busy=false] #link');
  const rows = await page.$$eval('#flows summary', (found) => found.length);
  if (rows !== before) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    await settled(page, rows);
  }
}
