/** The registration's Actions under Node's test runner, against a real HTTP server. */
const assert = require('node:assert/strict');
const http = require('node:http');
const { after, before, beforeEach, describe, test } = require('node:test');

const { onExecutePreUserRegistration } = require('../../src/actions/dist/pre-user-registration.js');
const { onExecutePostUserRegistration } = require('../../src/actions/dist/post-user-registration.js');
const { TRIGGERS, guarded, recordingApi } = require('../../src/sandbox/auth0/trigger.js');
const IDS_BY_FORM = require('../fixtures/customer-ids.json');
const vector = require('../fixtures/standard-webhooks.json');
const { deniedWith, withoutReferences } = require('./denied_with.js');

const IDS = { stripe_customer_id: 'cus_1', stripe_registration_id: 'a1b2' };

let server;
let url;
let requests;
let answer;
let logs;

before(async () => {
  console.log = (text) => logs.push(text);
  server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      requests.push(JSON.parse(Buffer.concat(chunks)));
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer.body));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${server.address().port}/pre-user-registration`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  requests = [];
  logs = [];
  answer = { status: 200, body: { version: 1, decision: 'continue', reason: 'x', app_metadata: IDS } };
});

function event({ user, secrets } = {}) {
  return {
    tenant: { id: 'acme' },
    connection: { id: 'con_1', name: 'Users', strategy: 'auth0' },
    user: { email: 'ada@example.com', name: 'Ada', app_metadata: {}, user_metadata: { plan: 'pro' }, ...user },
    secrets: { CUSTOMERLINK_URL: url, CUSTOMERLINK_SIGNING_SECRET: vector.secret, ...secrets },
  };
}

async function run(handler, name, oneEvent) {
  const trigger = TRIGGERS[name];
  const { asked, api } = recordingApi(trigger, oneEvent);
  await handler(guarded(oneEvent, trigger.event), api);
  return asked;
}

const pre = (changes) => run(onExecutePreUserRegistration, 'onExecutePreUserRegistration', event(changes));
const post = (changes) => run(onExecutePostUserRegistration, 'onExecutePostUserRegistration', event(changes));

describe('before the registration', () => {
  test('says who registers, and no more', async () => {
    await pre();
    assert.deepEqual(requests, [
      {
        version: 1,
        tenant: { id: 'acme' },
        user: { email: 'ada@example.com', name: 'Ada' },
        connection: { name: 'Users', strategy: 'auth0' },
        try: 1,
      },
    ]);
  });

  test('adds what is declared', async () => {
    await pre({ secrets: { CUSTOMERLINK_PROFILE_FIELDS: 'user_metadata.plan, phone_number' } });
    assert.deepEqual(requests[0].user.user_metadata, { plan: 'pro' });
  });

  test('writes both ids into the new profile', async () => {
    assert.deepEqual((await pre()).app_metadata, IDS);
  });

  for (const key of Object.keys(IDS)) {
    for (const { id, is_usable: isUsable } of [...IDS_BY_FORM, { id: 42, is_usable: false }]) {
      test(`writes no other ${key} than the function may send: ${JSON.stringify(id).slice(0, 30)}`, async () => {
        answer.body.app_metadata = { ...IDS, [key]: id };
        const asked = await pre();
        assert.deepEqual(asked.app_metadata, isUsable ? { ...IDS, [key]: id } : {});
        assert.deepEqual(deniedWith(asked.denials), isUsable ? [] : ['support']);
      });
    }
  }

  test('denies with the message', async () => {
    answer.body = { version: 1, decision: 'deny', reason: 'email_in_use', message: 'No.', app_metadata: {} };
    const asked = await pre();
    assert.deepEqual([asked.denials, asked.app_metadata], [['No.'], {}]);
  });

  for (const [name, status, body] of [
    ['a failure', 500, {}],
    ['another version', 200, { version: 2, decision: 'continue', app_metadata: IDS }],
    ['another key', 200, { version: 1, decision: 'continue', app_metadata: { role: 'admin' } }],
    ['no metadata', 200, { version: 1, decision: 'continue' }],
  ]) {
    test(`denies on ${name}, or continues by setting`, async () => {
      answer = { status, body };
      const asked = await pre();
      const which = status === 500 ? 'try_again' : 'support';
      assert.deepEqual([deniedWith(asked.denials), asked.app_metadata], [[which], {}]);
      const let_in = await pre({ secrets: { CUSTOMERLINK_ON_FAILURE: 'continue' } });
      assert.deepEqual([let_in.denials, let_in.app_metadata], [[], {}]);
    });
  }

  test('never throws, and never quotes', async () => {
    const asked = await pre({ user: null, secrets: { CUSTOMERLINK_URL: 'nowhere' } });
    assert.deepEqual(deniedWith(asked.denials), ['support']);
    assert.ok(!logs.join(' ').includes('ada@'));
  });
});

describe('after the registration', () => {
  const user = { user_id: 'auth0|1', app_metadata: IDS };

  test('tells the user_id, and nothing personal', async () => {
    await post({ user });
    assert.deepEqual(requests[0].user, { user_id: 'auth0|1', app_metadata: IDS });
    assert.equal(requests.length, 1);
  });

  test('has nothing to tell of a user without a customer', async () => {
    await post({ user: { user_id: 'auth0|1', app_metadata: {} } });
    assert.deepEqual(requests, []);
  });

  test('tells a failure and a denial in the log', async () => {
    answer.body = { version: 1, decision: 'deny', reason: 'link_mismatch' };
    await post({ user });
    answer.status = 500;
    await post({ user });
    assert.deepEqual(withoutReferences(logs), ['Customer Link: link_mismatch', 'Customer Link: status 500']);
  });
});
