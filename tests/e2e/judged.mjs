// Asks axe-core what keeps whom from reading the page that is open; what a frame shows is another page's test.
import axe from 'axe-core';

const named = ({ id, nodes }) => `${id}: ${nodes[0].html}`;

export async function judged(page) {
  await page.evaluate(axe.source);
  const rules = { 'frame-tested': { enabled: false } };
  const found = await page.evaluate((options) => globalThis.axe.run(options), { iframes: false, rules });
  return { violations: found.violations.map(named), unsure: found.incomplete.map(named), passed: found.passes.map(({ id }) => id) };
}
