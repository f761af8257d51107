/** The Action under Node's test runner, against a real HTTP server. */
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const http = require('node:http');
const { after, before, beforeEach, describe, test } = require('node:test');

const { onContinuePostLogin, onExecutePostLogin } = require('../../src/actions/dist/post-login.js');
const { guarded, recordingApi } = require('../../src/sandbox/auth0/trigger.js');
const IDS_BY_FORM = require('../fixtures/customer-ids.json');
const vector = require('../fixtures/standard-webhooks.json');
const { REFERENCE, deniedWith, withoutReferences } = require('./denied_with.js');

const SECRET = vector.secret;
const KEY = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
const DENIAL = 'No.';
const LINKED = {
  version: 1,
  decision: 'continue',
  reason: 'customer_created',
  app_metadata: { stripe_customer_id: 'cus_1', stripe_signup: null },
};

let server;
let url;
let requests;
/** What the server does with each request, in turn; the last one for ever. */
let script;
let logs;

before(async () => {
  console.log = (text) => logs.push(text);
  server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      requests.push({ path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
      const step = script.length > 1 ? script.shift() : script[0];
      step(response);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${server.address().port}/post-login`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  requests = [];
  logs = [];
  script = [answer(200, LINKED)];
});

function answer(status, body) {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

const drop = (response) => response.destroy();
const hang = () => undefined;

function event(changes = {}) {
  const { secrets, user, stats, ...others } = changes;
  return {
    tenant: { id: 'acme' },
    connection: { id: 'con_1', name: 'google-oauth2', strategy: 'google-oauth2' },
    stats: { logins_count: 1, ...stats },
    user: {
      user_id: 'google-oauth2|1',
      email: 'ada@example.com',
      email_verified: true,
      name: 'Ada Lovelace',
      created_at: '2026-11-23T08:30:00.000Z',
      nickname: 'ada',
      app_metadata: {},
      ...user,
    },
    secrets: { CUSTOMERLINK_URL: url, CUSTOMERLINK_SIGNING_SECRET: SECRET, ...secrets },
    ...others,
  };
}

/** Run the Action, and give what it asked for. */
async function login(oneEvent) {
  const { asked, api } = recordingApi(undefined, oneEvent);
  await onExecutePostLogin(guarded(oneEvent), api);
  return asked;
}

function assertDeniedAndMarked(asked, which = 'support') {
  assert.deepEqual(deniedWith(asked.denials), [which]);
  assert.equal(asked.app_metadata.stripe_signup, 'unfinished');
  assert.deepEqual(asked.id_token, {});
}

describe('who is reported', () => {
  const marked = { stripe_signup: 'unfinished' };
  const linked = { stripe_customer_id: 'cus_1' };
  const exempt = { stripe_signup: 'exempt' };
  const cases = [
    ['a first login', 1, {}, 1],
    ['a first login with a customer id', 1, linked, 1],
    ['a first login of an exempt profile', 1, exempt, 1],
    ['a later login without a link', 2, {}, 1],
    ['a later login that is marked', 2, marked, 1],
    ['a later login that is marked beside a link', 7, { ...linked, ...marked }, 1],
    ['a linked user', 2, linked, 0],
    ['an exempt user', 2, exempt, 0],
    ['a later login with absent metadata', 2, undefined, 1],
    ['a later login with odd metadata', 2, 'migrated', 1],
    ['a later login with null metadata', 2, null, 1],
  ];
  for (const [name, count, metadata, calls] of cases) {
    test(`${name}: ${calls ? 'a call' : 'no call'}`, async () => {
      await login(event({ stats: { logins_count: count }, user: { app_metadata: metadata } }));

      assert.equal(requests.length, calls);
    });
  }
});

describe('nobody at the screen', () => {
  const linked = { app_metadata: { stripe_customer_id: 'cus_1' } };
  const markedToo = { app_metadata: { stripe_customer_id: 'cus_1', stripe_signup: 'unfinished' } };
  const exempt = { app_metadata: { stripe_signup: 'exempt' } };
  const denied = (reason, redirect) =>
    answer(200, {
      version: 1,
      decision: 'deny',
      reason,
      message: DENIAL,
      redirect,
      app_metadata: { stripe_signup: 'unfinished' },
    });

  const REFRESH = ['a refresh token', { protocol: 'oauth2-refresh-token' }];
  const SILENT = ['a silent log-in', { protocol: 'oidc-basic-profile', prompt: ['none'] }];
  const EXCHANGE = ['a token exchange', { protocol: 'oauth2-token-exchange' }];
  const marked = { app_metadata: { stripe_signup: 'unfinished' } };

  for (const [name, transaction] of [REFRESH, SILENT]) {
    for (const [who, user] of [['linked', linked], ['exempt', exempt]]) {
      test(`${name} of a user who is ${who}, in the first session: no call`, async () => {
        const asked = await login(event({ user, transaction }));

        assert.deepEqual([requests.length, asked.denials, asked.app_metadata], [0, [], {}]);
      });
    }

    test(`${name} of a user without a mark, and no answer: goes on, marked`, async () => {
      script = [answer(500, '')];
      const asked = await login(event({ transaction }));

      assert.deepEqual(asked.denials, []);
      assert.deepEqual(asked.app_metadata, { stripe_signup: 'unfinished' });
    });

    for (const reason of ['provisioning_failed', 'in_progress']) {
      test(`${name}, and ${reason}: goes on, marked`, async () => {
        script = [denied(reason)];
        const asked = await login(event({ transaction }));

        assert.deepEqual([asked.denials, asked.id_token], [[], {}]);
        assert.deepEqual(asked.app_metadata, { stripe_signup: 'unfinished' });
      });
    }

    test(`${name}, and a refusal: denied, and sent nowhere`, async () => {
      script = [denied('email_in_use', 'https://shop.example/link')];
      const asked = await login(event({ transaction }));

      assert.deepEqual([asked.denials, asked.redirect], [[DENIAL], null]);
    });
  }

  for (const [who, user] of [['marked', marked], ['linked and marked', markedToo]]) {
    for (const [what, step] of [
      ['no answer', answer(500, '')],
      ['provisioning_failed', denied('provisioning_failed')],
      ['in_progress', denied('in_progress')],
    ]) {
      test(`a refresh token of a user who is ${who}, and ${what}: goes on`, async () => {
        script = [step];

        assert.deepEqual((await login(event({ user, transaction: REFRESH[1] }))).denials, []);
      });

      // Auth0 keeps the session of a log-in that was denied.
      test(`a silent log-in of a user who is ${who}, and ${what}: denied`, async () => {
        script = [step];

        const { denials } = await login(event({ user, transaction: SILENT[1] }));
        assert.deepEqual(deniedWith(denials), [what === 'no answer' ? 'try_again' : DENIAL]);
      });
    }
  }

  test('a token exchange is a log-in: reported, and denied', async () => {
    const [, transaction] = EXCHANGE;
    await login(event({ user: linked, transaction }));
    assert.equal(requests.length, 1);

    script = [answer(500, '')];
    assertDeniedAndMarked(await login(event({ transaction })), 'try_again');

    script = [denied('provisioning_failed')];
    assert.deepEqual((await login(event({ transaction }))).denials, [DENIAL]);
  });
});

describe('a fresh log-in', () => {
  const linked = { app_metadata: { stripe_customer_id: 'cus_1' } };
  const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
  for (const [name, methods, calls] of [
    ['a minute ago', [{ name: 'pwd', timestamp: ago(1) }], 1],
    ['an hour ago, after a page in between', [{ name: 'pwd', timestamp: ago(60) }], 1],
    ['a day ago, with a second factor just now', [{ timestamp: ago(1440) }, { timestamp: ago(0) }], 1],
    ['by the session of another application', [{ name: 'pwd', timestamp: ago(180) }], 0],
    ['at a time that cannot be read', [{ name: 'pwd', timestamp: 'noon' }], 1],
    ['without methods', [], 1],
    ['with a method that is none', [null], 1],
  ]) {
    test(`of a linked user, ${name}, count 1: ${calls ? 'a call' : 'no call'}`, async () => {
      await login(event({ user: linked, authentication: { methods } }));

      assert.equal(requests.length, calls);
    });
  }
});

describe('the request', () => {
  test('says what the contract asks for, and no more', async () => {
    const metadata = { stripe_customer_id: 'cus_0', stripe_signup: 'unfinished', private: 'x' };
    await login(event({ user: { app_metadata: metadata } }));

    assert.deepEqual(JSON.parse(requests[0].body), {
      version: 1,
      tenant: { id: 'acme' },
      user: {
        user_id: 'google-oauth2|1',
        email: 'ada@example.com',
        email_verified: true,
        name: 'Ada Lovelace',
        created_at: '2026-11-23T08:30:00.000Z',
        app_metadata: { stripe_customer_id: 'cus_0', stripe_signup: 'unfinished' },
      },
      stats: { logins_count: 1 },
      connection: { name: 'google-oauth2', strategy: 'google-oauth2' },
      try: 1,
    });
  });

  test('is signed over its raw bytes', async () => {
    await login(event({ user: { name: 'Zoë 🦊' } }));

    const { headers, body } = requests[0];
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const digest = crypto.createHmac('sha256', KEY).update(signed).digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${digest}`);
    assert.match(headers['webhook-id'], /^msg_[0-9a-f]{32}$/);
    assert.ok(Math.abs(Date.now() / 1000 - headers['webhook-timestamp']) < 60);
    assert.equal(headers['content-type'], 'application/json');
  });
});

describe('in which browser the log-in began', () => {
  const DIGEST = crypto.createHash('sha256').update('state').digest('base64url');
  const METHODS = [{ name: 'pwd', timestamp: '2026-11-26T06:00:00.000Z' }];

  async function reported(query, methods = METHODS) {
    await login(event({ request: { query }, authentication: { methods } }));
    const { request, authentication } = JSON.parse(requests[0].body);
    return { request, authentication };
  }

  test('goes along as the event has it, with when somebody proved who they are', async () => {
    assert.deepEqual(await reported({ 'ext-customerlink-state': DIGEST, scope: 'openid' }), {
      request: { query: { 'ext-customerlink-state': DIGEST } },
      authentication: { methods: [{ timestamp: '2026-11-26T06:00:00.000Z' }] },
    });
  });

  for (const methods of [undefined, 'pwd', []]) {
    test(`goes along without a time of ${JSON.stringify(methods)}`, async () => {
      const { authentication } = await reported({ 'ext-customerlink-state': DIGEST }, methods ?? null);
      assert.deepEqual(authentication, { methods: [] });
    });
  }

  for (const state of [undefined, '', 'state', `${DIGEST}=`, [DIGEST], { length: 43 }, 'x'.repeat(60_000)]) {
    test(`is nothing of ${JSON.stringify(state)?.slice(0, 30)}`, async () => {
      assert.deepEqual(await reported({ 'ext-customerlink-state': state }), {
        request: undefined,
        authentication: undefined,
      });
    });
  }
});

describe('whose word the address is', () => {
  const own = { connection: 'acme', provider: 'samlp', isSocial: false, userId: 'acme|1' };
  const linked = { connection: 'google-oauth2', provider: 'google-oauth2', userId: '2' };

  test('is told by the first identity alone, and of that no more than is needed', async () => {
    for (const identities of [[own], [own, linked], [{ ...own, profileData: { email: 'a@b.c' } }, linked]]) {
      await login(event({ user: { identities } }));
      const { user } = JSON.parse(requests.at(-1).body);
      assert.deepEqual(user.identities, [{ connection: 'acme', provider: 'samlp' }]);
    }
  });

  test('is left out where a profile has no identities', async () => {
    for (const identities of [undefined, null, [], 'odd', [null]]) {
      await login(event({ user: { identities } }));
      assert.equal(JSON.parse(requests.at(-1).body).user.identities, undefined);
    }
  });
});

describe('the instruction', () => {
  test('to continue: metadata is written', async () => {
    const asked = await login(event());

    assert.deepEqual(asked.denials, []);
    assert.deepEqual(asked.app_metadata, { stripe_customer_id: 'cus_1', stripe_signup: null });
  });

  test('to deny: message and marker go together', async () => {
    script = [
      answer(200, {
        version: 1,
        decision: 'deny',
        reason: 'email_in_use',
        message: 'No.',
        app_metadata: { stripe_signup: 'unfinished' },
      }),
    ];
    const asked = await login(event());

    assert.deepEqual(asked.denials, ['No.']);
    assert.deepEqual(asked.app_metadata, { stripe_signup: 'unfinished' });
  });

  test('to exempt', async () => {
    const app_metadata = { stripe_signup: 'exempt' };
    script = [answer(200, { version: 1, decision: 'continue', reason: 'not_new', app_metadata })];
    const asked = await login(event({ stats: { logins_count: 9 } }));

    assert.deepEqual(asked.denials, []);
    assert.deepEqual(asked.app_metadata, { stripe_signup: 'exempt' });
  });

  const malformed = {
    'no JSON': '<html>',
    null: 'null',
    'an array': '[]',
    'another version': { ...LINKED, version: 2 },
    'no version': { ...LINKED, version: undefined },
    'another decision': { ...LINKED, decision: 'allow' },
    'no reason': { ...LINKED, reason: undefined },
    'no metadata': { ...LINKED, app_metadata: undefined },
    'metadata of another kind': { ...LINKED, app_metadata: [] },
    'an unknown key': { ...LINKED, app_metadata: { roles: ['admin'] } },
    'an odd customer id': { ...LINKED, app_metadata: { stripe_customer_id: 'cus 1' } },
    'a customer id of another type': { ...LINKED, app_metadata: { stripe_customer_id: 7 } },
    'an odd marker': { ...LINKED, app_metadata: { stripe_signup: 'x' } },
    'an odd message': { ...LINKED, message: 7 },
    'a denial without marker': { ...LINKED, decision: 'deny', app_metadata: {} },
  };
  for (const [name, body] of Object.entries(malformed)) {
    test(`that is not well-formed counts as a failure: ${name}`, async () => {
      script = [answer(200, body)];

      assertDeniedAndMarked(await login(event()));
      assert.equal(requests.length, 1);
    });
  }

  for (const { id, is_usable: isUsable } of IDS_BY_FORM) {
    test(`writes the id that the function may send, and no other: ${JSON.stringify(id).slice(0, 30)}`, async () => {
      script = [answer(200, { ...LINKED, app_metadata: { stripe_customer_id: id } })];
      const asked = await login(event());

      assert.equal(asked.app_metadata.stripe_customer_id, isUsable ? id : undefined);
      assert.equal(asked.denials.length, isUsable ? 0 : 1);
    });

    test(`and a token gets no other from a profile: ${JSON.stringify(id).slice(0, 30)}`, async () => {
      const secrets = { CUSTOMERLINK_CLAIM_NAMESPACE: 'https://shop.example' };
      const user = { app_metadata: { stripe_customer_id: id, stripe_signup: 'exempt' } };
      const asked = await login(event({ stats: { logins_count: 2 }, user, secrets }));

      const claim = isUsable ? { 'https://shop.example/stripe_customer_id': id } : {};
      assert.deepEqual([asked.id_token, asked.access_token], [claim, claim]);
    });
  }
});

describe('a profile that holds a lot', () => {
  const LONGEST_REPORT = 64 * 1024;
  const reported = async (user, fields) => {
    await login(event({ user, secrets: { CUSTOMERLINK_PROFILE_FIELDS: fields } }));
    assert.ok(Buffer.byteLength(requests[0].body) <= LONGEST_REPORT);
    return JSON.parse(requests[0].body).user;
  };

  test('has its texts cut off, and never within a character', async () => {
    const long = { name: 'x'.repeat(70_000), email: 'é'.repeat(70_000), nickname: `x${'😀'.repeat(70_000)}` };
    const { name, email, nickname } = await reported(long, 'nickname');

    assert.equal(name, 'x'.repeat(1024));
    assert.equal(email.length, 1024);
    assert.equal(nickname, `x${'😀'.repeat(511)}`);
  });

  test('keeps a text as it is that is not cut off', async () => {
    assert.equal((await reported({ name: 'half \ud83d' }, '')).name, 'half \ud83d');
  });

  test('has those fields left out for which there is no room', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 99 }, (_, at) => [`k${at}`, '漢'.repeat(500)]));
    const names = Object.keys(metadata).map((each) => `user_metadata.${each}`);
    const user = await reported({ user_metadata: metadata, nickname: 'ada' }, `user_metadata,${names},nickname`);

    assert.deepEqual(Object.values(user.user_metadata), Array(32).fill('漢'.repeat(500)));
    assert.equal(user.nickname, 'ada');
  });
});

describe('a failure', () => {
  for (const status of [400, 401, 413, 415, 500]) {
    test(`with status ${status} is final`, async () => {
      script = [answer(status, { error: 'x', detail: 'y' })];

      assertDeniedAndMarked(await login(event()), status === 500 ? 'try_again' : 'support');
      assert.equal(requests.length, 1);
      assert.deepEqual(withoutReferences(logs), [`Customer Link: status ${status}`]);
    });
  }

  for (const status of [429, 502, 503, 504]) {
    test(`with status ${status} is tried once more, and says so`, async () => {
      script = [answer(status, ''), answer(200, LINKED)];
      const asked = await login(event());

      assert.deepEqual(asked.denials, []);
      assert.deepEqual(requests.map((each) => JSON.parse(each.body).try), [1, 2]);
      assert.notEqual(requests[0].headers['webhook-id'], requests[1].headers['webhook-id']);
    });
  }

  test('of the connection is tried once more', async () => {
    script = [drop, answer(200, LINKED)];

    assert.deepEqual((await login(event())).denials, []);
    assert.equal(requests.length, 2);
  });

  test('twice is enough', async () => {
    script = [drop];

    assertDeniedAndMarked(await login(event()), 'try_again');
    assert.equal(requests.length, 2);
  });

  test('by time-out is final', async () => {
    script = [hang];

    const secrets = { CUSTOMERLINK_TIMEOUT_MS: '50' };
    assertDeniedAndMarked(await login(event({ secrets })), 'try_again');
    assert.equal(requests.length, 1);
    assert.deepEqual(withoutReferences(logs), ['Customer Link: timed out']);
  });

  test('may continue, by setting, and is marked all the same', async () => {
    script = [answer(500, '')];
    const asked = await login(event({ secrets: { CUSTOMERLINK_ON_FAILURE: 'continue' } }));

    assert.deepEqual(asked.denials, []);
    assert.deepEqual(asked.app_metadata, { stripe_signup: 'unfinished' });
  });

  test('does not let in a customer id that is in doubt', async () => {
    script = [answer(500, '')];
    const secrets = {
      CUSTOMERLINK_ON_FAILURE: 'continue',
      CUSTOMERLINK_CLAIM_NAMESPACE: 'https://shop.example',
    };
    const app_metadata = { stripe_customer_id: 'cus_0', stripe_signup: 'unfinished' };

    assertDeniedAndMarked(await login(event({ secrets, user: { app_metadata } })), 'try_again');
  });

  test('of its own does not let in a customer id that is in doubt either', async () => {
    const broken = event({
      secrets: { CUSTOMERLINK_ON_FAILURE: 'continue' },
      user: { app_metadata: { stripe_customer_id: 'cus_0', stripe_signup: 'unfinished' } },
    });
    Object.defineProperty(broken.user, 'email', { get: () => assert.fail('broken') });

    assertDeniedAndMarked(await login(broken));
  });

  test('of the API itself does not throw either', async () => {
    const denials = [];
    await onExecutePostLogin(event(), {
      access: { deny: (reason) => denials.push(reason) },
      user: { setAppMetadata: () => assert.fail('ada@example.com') },
    });

    assert.deepEqual(deniedWith(denials), ['support']);
    assert.ok(logs.every((each) => !each.includes('ada@')));
  });

  test('of a denial that cannot be carried out does not let anybody in', async () => {
    const denial = { version: 1, decision: 'deny', reason: 'email_in_use', redirect: 'https://' };
    script = [answer(200, { ...denial, app_metadata: { stripe_signup: 'unfinished' } })];
    for (const logins_count of [1, 2]) {
      const secrets = { CUSTOMERLINK_ON_FAILURE: 'continue' };

      assertDeniedAndMarked(await login(event({ secrets, stats: { logins_count } })));
    }
    assert.deepEqual(withoutReferences(logs), Array(2).fill('Customer Link: unexpected TypeError'));
  });

  for (const [part, logins_count] of [
    ['user', 2],
    ['stats', 2],
    ['secrets', 1],
  ]) {
    test(`of the event does not let anybody in: ${part} cannot be read`, async () => {
      const secrets = { CUSTOMERLINK_ON_FAILURE: 'continue' };
      const broken = event({ secrets, stats: { logins_count } });
      Object.defineProperty(broken, part, { get: () => assert.fail('broken') });

      assertDeniedAndMarked(await login(broken));
      assert.deepEqual(withoutReferences(logs), ['Customer Link: unexpected AssertionError']);
    });
  }

  test('of the claim does not make a linked user sign up', async () => {
    const linked = { stripe_customer_id: 'cus_1' };
    const changes = { stats: { logins_count: 2 }, user: { app_metadata: linked } };
    const asked = await login(event({ ...changes, secrets: { CUSTOMERLINK_CLAIM_NAMESPACE: 7 } }));

    assert.deepEqual([asked.denials, asked.app_metadata], [[], {}]);
    assert.deepEqual(withoutReferences(logs), ['Customer Link: unexpected TypeError']);
  });

  test('does not follow a redirect with a signed body', async () => {
    script = [
      (response) => {
        response.writeHead(307, { location: '/elsewhere' });
        response.end();
      },
    ];

    assertDeniedAndMarked(await login(event()), 'try_again');
    assert.ok(requests.every((each) => each.path === '/post-login'));
  });

  for (const [name, secrets] of Object.entries({
    'no URL': { CUSTOMERLINK_URL: undefined },
    'no URL at all': { CUSTOMERLINK_URL: 'post-login' },
    'plain HTTP to another host': { CUSTOMERLINK_URL: 'http://example.com/post-login' },
    'no secret': { CUSTOMERLINK_SIGNING_SECRET: undefined },
    'an odd secret': { CUSTOMERLINK_SIGNING_SECRET: 'whsec_%' },
  })) {
    test(`of the settings makes no call: ${name}`, async () => {
      assertDeniedAndMarked(await login(event({ secrets })));
      assert.equal(requests.length, 0);
      assert.match(logs[0], /^Customer Link: CUSTOMERLINK_\w+ is missing or wrong \(/);
    });
  }

  test('never throws, whatever the event is, and never quotes', async () => {
    const hostile = event();
    Object.defineProperty(hostile.user, 'email', {
      get: () => {
        const error = new Error('ada@example.com');
        error.name = 'x'.repeat(999);
        throw error;
      },
    });

    assertDeniedAndMarked(await login(hostile));
    assertDeniedAndMarked(await login({}));
    assert.ok(logs.every((each) => each.length <= 256 && !each.includes('ada@')));
  });
});

describe('an outage keeps out only who is signing up', () => {
  test('a user from before the installation is no sign-up afterwards', async () => {
    script = [answer(500, ''), answer(200, LINKED)];
    const during = await login(event({ stats: { logins_count: 2 } }));
    const app_metadata = during.app_metadata;
    await login(event({ stats: { logins_count: 3 }, user: { app_metadata } }));

    assert.deepEqual([during.denials, during.app_metadata], [[], {}]);
    assert.deepEqual(JSON.parse(requests[1].body).user.app_metadata, {});
  });

  const first = [1];
  const later = [2, 50];
  const odd = [undefined, null, 0, -2, 1.5, NaN, Infinity, '2'];
  const every = [undefined, 'unfinished', 'exempt', 'other'];
  const none = [undefined, 'other'];
  /** Counts, customer id, markers; then what comes of it by default, and with `continue`. */
  const table = [
    [first, undefined, every, 'denied', 'marked'],
    [first, 'cus_0', every, 'denied', 'denied'],
    [later, undefined, none, 'goes on', 'goes on'],
    [later, undefined, ['unfinished'], 'denied', 'marked'],
    [later, undefined, ['exempt'], 'no call', 'no call'],
    [later, 'cus_0', ['unfinished'], 'denied', 'denied'],
    [later, 'cus_0', [...none, 'exempt'], 'no call', 'no call'],
    [odd, undefined, [...none, 'unfinished'], 'denied', 'marked'],
    [odd, undefined, ['exempt'], 'no call', 'no call'],
    [odd, 'cus_0', ['unfinished'], 'denied', 'denied'],
    [odd, 'cus_0', [...none, 'exempt'], 'no call', 'no call'],
  ];
  const asks = {
    denied: { denials: ['denied'], app_metadata: { stripe_signup: 'unfinished' } },
    marked: { denials: [], app_metadata: { stripe_signup: 'unfinished' } },
    'goes on': { denials: [], app_metadata: {} },
    'no call': { denials: [], app_metadata: {} },
  };
  const cases = table.flatMap(([counts, stripe_customer_id, markers, byDefault, byContinue]) =>
    counts.flatMap((logins_count) =>
      markers.flatMap((stripe_signup) =>
        [undefined, 'deny', 'continue'].map((setting) => ({
          logins_count,
          app_metadata: { stripe_customer_id, stripe_signup },
          setting,
          outcome: setting === 'continue' ? byContinue : byDefault,
        })),
      ),
    ),
  );

  const broken = (one) =>
    Object.defineProperty(one.user, 'email', { get: () => assert.fail('broken') });
  const failures = [
    ['a time-out', 'timed out', { step: hang, secrets: { CUSTOMERLINK_TIMEOUT_MS: '50' } }],
    ['no connection', 'no connection', { step: drop }],
    ['status 400', 'status 400', { step: answer(400, '') }],
    ['status 500', 'status 500', { step: answer(500, '') }],
    ['status 503, twice', 'status 503', { step: answer(503, '') }],
    ['a malformed answer', 'the answer is not of version 1', { step: answer(200, '<html>') }],
    ['no URL', 'CUSTOMERLINK_URL is missing or wrong', { secrets: { CUSTOMERLINK_URL: undefined } }],
    [
      'no signing secret',
      'CUSTOMERLINK_SIGNING_SECRET is missing or wrong',
      { secrets: { CUSTOMERLINK_SIGNING_SECRET: undefined } },
    ],
    ['an unexpected exception', 'unexpected AssertionError', { change: broken }],
  ];
  const outages = ['a time-out', 'no connection', 'status 500', 'status 503, twice'];
  for (const [name, cause, { step = drop, secrets, change = () => undefined }] of failures) {
    const text = outages.includes(name) ? 'try_again' : 'support';
    test(`at ${name}: every count, id, marker and setting`, async () => {
      script = [step];
      const run = async ({ logins_count, app_metadata, setting, outcome }) => {
        const one = event({
          stats: { logins_count },
          user: { app_metadata },
          secrets: { CUSTOMERLINK_ON_FAILURE: setting, ...secrets },
        });
        change(one);
        const { denials, app_metadata: written } = await login(one);
        const said = `count ${logins_count}, ${JSON.stringify(app_metadata)}, ${setting}: ${outcome}`;
        const read = deniedWith(denials).map((which) => (which === text ? 'denied' : which));
        assert.deepEqual({ denials: read, app_metadata: written }, asks[outcome], said);
      };
      await Promise.all(cases.map(run));

      const failed = cases.filter(({ outcome }) => outcome !== 'no call');
      assert.deepEqual(withoutReferences(logs), Array(failed.length).fill(`Customer Link: ${cause}`));
    });
  }

  test('which are all combinations', () => {
    assert.equal(cases.length, (first.length + later.length + odd.length) * 2 * every.length * 3);
  });
});

describe('what somebody reads', () => {
  test('has the reference that the log and the function have', async () => {
    script = [answer(500, '')];
    const { denials } = await login(event());
    const digest = crypto.createHash('sha256').update(requests[0].headers['webhook-id']).digest('hex');
    const [reference] = REFERENCE.exec(denials[0]);

    assert.equal(reference.replace('-', ''), digest.slice(0, 8).toUpperCase());
    assert.deepEqual(logs, [`Customer Link: status 500 (${reference})`]);
  });

  test('has the one of the second try, which is the last', async () => {
    script = [drop];
    const { denials } = await login(event());

    assert.ok(logs[0].endsWith(`(${REFERENCE.exec(denials[0])[0]})`));
  });

  for (const [reason, which] of [
    ['provisioning_failed', 'try_again'],
    ['in_progress', 'try_again'],
    ['email_in_use', 'as_before'],
    ['link_mismatch', 'support'],
    ['constructor', 'support'],
  ]) {
    test(`is told by the reason where an answer has no text: ${reason}`, async () => {
      const app_metadata = { stripe_signup: 'unfinished' };
      script = [answer(200, { version: 1, decision: 'deny', reason, app_metadata })];

      assertDeniedAndMarked(await login(event()), which);
    });
  }

  test('is in their language', async () => {
    script = [answer(500, '')];
    const changes = { transaction: { locale: 'de' } };
    assertDeniedAndMarked(await login(event(changes)), 'try_again.de');

    const texts = { de: { try_again: 'Gleich nochmal, {reference}' }, 'fr-CA': { support: 'Hors service' } };
    const own = { ...changes, secrets: { CUSTOMERLINK_DENIAL_TEXTS: JSON.stringify(texts) } };
    const { denials } = await login(event(own));
    assert.match(denials[0], /^Gleich nochmal, [0-9A-F-]{9}$/);
  });

  for (const odd of ['{', '[]', '{"de": {"try_again": "<b>"}}', 7]) {
    test(`is built in where the secret is odd, which the log tells: ${odd}`, async () => {
      script = [answer(500, '')];
      const asked = await login(event({ secrets: { CUSTOMERLINK_DENIAL_TEXTS: odd } }));

      assertDeniedAndMarked(asked, 'try_again');
      assert.match(logs[1], /^Customer Link: CUSTOMERLINK_DENIAL_TEXTS (is|has) /);
    });
  }

  test('after the linking page, too', async () => {
    const { asked, api } = recordingApi();
    const one = event({ transaction: { ui_locales: ['fr-CA'] } });
    await onContinuePostLogin(guarded(one), api);

    assert.deepEqual(deniedWith(asked.denials), ['log_in_again.fr']);
  });
});

describe('the locale', () => {
  for (const [name, changes, expected] of [
    ['none', {}, undefined],
    ['what the application asked for first', { transaction: { ui_locales: ['fr-CA', 'fr'], locale: 'en' } }, 'fr-CA fr en'],
    ['what the page was in', { transaction: { locale: 'de' }, request: { language: 'en-GB' } }, 'de en-GB'],
    ["the browser's", { request: { language: 'pt_BR' } }, 'pt_BR'],
    ['each once', { transaction: { ui_locales: ['de'], locale: 'de' }, request: { language: 'de' } }, 'de'],
    ['what is none', { transaction: { ui_locales: ['x', '<b>', 7, null, 'de;q=1'], locale: {} } }, undefined],
    ['no list', { transaction: { ui_locales: 'de', locale: 'fr' } }, 'fr'],
    ['null', { transaction: null, request: null }, undefined],
    ['too many', { transaction: { ui_locales: ['aa', 'bb', 'cc', 'dd', 'ee', 'ff', 'gg'] } }, 'aa bb cc dd ee ff'],
  ]) {
    test(`is reported, and keeps nobody out: ${name}`, async () => {
      const asked = await login(event(changes));

      assert.equal(JSON.parse(requests[0].body).locale, expected);
      assert.deepEqual(asked.denials, []);
    });
  }
});

describe('the claim', () => {
  const secrets = { CUSTOMERLINK_CLAIM_NAMESPACE: 'https://shop.example/' };
  const claim = { 'https://shop.example/stripe_customer_id': 'cus_1' };

  test('is in both tokens at sign-up', async () => {
    const asked = await login(event({ secrets }));

    assert.deepEqual([asked.id_token, asked.access_token], [claim, claim]);
  });

  test('and at every later login, without a call', async () => {
    const app_metadata = { stripe_customer_id: 'cus_1' };
    const asked = await login(event({ secrets, stats: { logins_count: 2 }, user: { app_metadata } }));

    assert.deepEqual([asked.id_token, asked.access_token], [claim, claim]);
    assert.equal(requests.length, 0);
  });

  test('is not in the tokens of a user without a customer, nor without the setting', async () => {
    const exempt = { stripe_signup: 'exempt' };
    const one = await login(event({ secrets, stats: { logins_count: 2 }, user: { app_metadata: exempt } }));
    const other = await login(event());

    assert.deepEqual([one.id_token, other.id_token], [{}, {}]);
  });
});
