/** The Action that sends unverified users to the page, under Node's test runner. */
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { onContinuePostLogin, onExecutePostLogin } = require('../../src/actions/dist/verify-email.js');
const { guarded, recordingApi } = require('../../src/sandbox/auth0/trigger.js');

const VALUES = require('../fixtures/profile-values.json');

const SECRET = 'a session secret of thirty-two characters';
const PAGE = 'https://api.example/verify-email';

async function login({ user, protocol = 'oidc-basic-profile', prompt = [], secrets } = {}) {
  const event = {
    user: { user_id: 'auth0|1', email: 'ada@example.com', email_verified: false, ...user },
    request: { hostname: 'acme.us.auth0.com', ip: '127.0.0.1' },
    transaction: { protocol, prompt },
    secrets: { CUSTOMERLINK_VERIFY_URL: PAGE, CUSTOMERLINK_SESSION_SECRET: SECRET, ...secrets },
  };
  const { asked, api } = recordingApi(undefined, event);
  await onExecutePostLogin(guarded(event), api);
  return asked;
}

describe('the redirect', () => {
  test('carries a token for a quarter of an hour, without the address', async () => {
    const { redirect } = await login();
    const url = new URL(redirect);
    const claims = JSON.parse(Buffer.from(url.searchParams.get('session_token').split('.')[1], 'base64url'));
    assert.equal(url.origin + url.pathname, PAGE);
    assert.equal(claims.sub, 'auth0|1');
    assert.equal(claims.exp - claims.iat, 900);
    assert.equal(claims.continue_at, 'https://acme.us.auth0.com/continue');
    assert.ok(!JSON.stringify(claims).includes('ada@'));
    assert.match(claims.address, /^[A-Za-z0-9_-]{50,}$/);
  });

  test('is sealed anew each time, so that nobody can compare two', async () => {
    const addresses = [await login(), await login()].map(({ redirect }) => {
      const token = new URL(redirect).searchParams.get('session_token');
      return JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).address;
    });
    assert.notEqual(...addresses);
  });

  for (const [name, changes] of [
    ['a verified user', { user: { email_verified: true } }],
    ['a user without an address', { user: { email: undefined } }],
    ['a refresh token', { protocol: 'oauth2-refresh-token' }],
    ['a token exchange', { protocol: 'oauth2-token-exchange' }],
    ['a silent log-in', { prompt: ['none'] }],
    ['a password grant', { protocol: 'oauth2-password' }],
    ['no page', { secrets: { CUSTOMERLINK_VERIFY_URL: undefined } }],
    ['no secret', { secrets: { CUSTOMERLINK_SESSION_SECRET: undefined } }],
  ]) {
    test(`is not for ${name}`, async () => {
      const { redirect, denials } = await login(changes);
      assert.deepEqual([redirect, denials], [null, []]);
    });
  }

  // The function reads the same values in the same way (tests/model/test_values.py).
  for (const { given, read = false } of VALUES.email_verified) {
    test(`${read ? 'is not' : 'is'} for email_verified ${JSON.stringify(given)}`, async () => {
      const { redirect } = await login({ user: { email_verified: given } });
      assert.equal(redirect === null, read);
    });
  }

  for (const { given } of VALUES.email.filter((row) => typeof row.given !== 'string')) {
    test(`is not for the address ${JSON.stringify(given)}`, async () => {
      assert.equal((await login({ user: { email: given } })).redirect, null);
    });
  }

  test('keeps nobody out who comes back', async () => {
    assert.equal(await onContinuePostLogin(), undefined);
  });
});
