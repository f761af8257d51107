/** The reporting that the Actions share, on a clock of the test's own. */
const assert = require('node:assert/strict');
const { afterEach, beforeEach, describe, mock, test } = require('node:test');

const { report, signatureHeaders } = require('../../src/actions/reporting.js');
const vector = require('../fixtures/standard-webhooks.json');

const KEY = Buffer.from(vector.secret.slice('whsec_'.length), 'base64');
const ANSWER = { version: 1, decision: 'continue' };

let now;
let timeouts;

beforeEach(() => {
  now = 0;
  timeouts = [];
  mock.method(performance, 'now', () => now);
  mock.method(globalThis, 'setTimeout', (then, ms) => {
    now += ms;
    setImmediate(then);
  });
  mock.method(AbortSignal, 'timeout', (ms) => void timeouts.push(ms));
});

afterEach(() => mock.restoreAll());

const after = (...tries) => afterWith({}, ...tries);

/** Report, with tries that take so long and end so; give what comes of it. */
async function afterWith(settings, ...tries) {
  const bodies = [];
  mock.method(globalThis, 'fetch', async (url, { body }) => {
    const [ms, end] = tries[bodies.length];
    bodies.push(JSON.parse(body));
    now += ms;
    if (end instanceof Error) {
      throw end;
    }
    return { status: end, text: async () => JSON.stringify(ANSWER) };
  });
  const required = { CUSTOMERLINK_URL: 'https://shop.example', CUSTOMERLINK_SIGNING_SECRET: vector.secret };
  const event = { secrets: { ...required, ...settings } };
  const outcome = await report(event, () => ({ user: {} }), (answer) => answer);
  const { reference, ...rest } = outcome;
  assert.match(reference, /^[0-9A-F]{4}-[0-9A-F]{4}$/);
  return { ...rest, tries: bodies.map((each) => each.try) };
}

test('a request carries the signature of the specification’s vector', () => {
  const headers = signatureHeaders(KEY, vector.body, vector.id, vector.timestamp);

  assert.deepEqual(headers, {
    'webhook-id': vector.id,
    'webhook-timestamp': String(vector.timestamp),
    'webhook-signature': vector.signature,
  });
});

describe('the tries', () => {
  test('end with the first answer, which has six seconds', async () => {
    assert.deepEqual(await after([5900, 200]), { instruction: ANSWER, tries: [1] });
    assert.deepEqual(timeouts, [6000]);
  });

  test('are two if the first one fails within two seconds', async () => {
    assert.deepEqual(await after([1999, 503], [10, 200]), { instruction: ANSWER, tries: [1, 2] });
  });

  test('are one if it fails later: a sign-up may be under way', async () => {
    assert.deepEqual((await after([2000, 503])).tries, [1]);
  });

  test('are one if it timed out', async () => {
    const timeout = Object.assign(new Error(), { name: 'TimeoutError' });
    assert.deepEqual((await after([100, timeout])).failure, 'timed out');
    assert.equal(timeouts.length, 1);
  });

  test('have nine seconds together, whatever the setting says', async () => {
    await afterWith({ CUSTOMERLINK_TIMEOUT_MS: '20000' }, [1900, 503], [0, 200]);
    assert.deepEqual(timeouts, [9000, 7000]);
  });

  test('are never three', async () => {
    assert.deepEqual((await after([0, 503], [0, new Error()])).tries, [1, 2]);
  });
});
