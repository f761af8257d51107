/** The fields that a deployment declares, whatever they and a profile's own are called. */
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { addDeclaredFields } = require('../../src/actions/profile.js');

/** What is reported of a profile, as it goes over the wire. */
function reported(fields, profile, already = {}) {
  const user = { ...already };
  addDeclaredFields(user, { secrets: { CUSTOMERLINK_PROFILE_FIELDS: fields }, user: profile });
  return JSON.stringify(user);
}

describe('names that every object has', () => {
  for (const path of [
    '__proto__.polluted',
    '__proto__',
    '__proto__.__proto__.polluted',
    'constructor.prototype.polluted',
    'constructor.name',
    'user_metadata.__proto__.polluted',
    'user_metadata.constructor.prototype.polluted',
    'toString.name',
    'name.length',
    'name.__proto__.polluted',
    'identities.length',
    'identities.0',
    'identities.0.provider',
  ]) {
    test(`${path} is not the profile's`, () => {
      const profile = { name: 'Ada', user_metadata: { plan: 'pro' }, identities: [{ provider: 'auth0' }] };
      const before = Object.getOwnPropertyNames(Object.prototype).sort();

      const text = reported(path, profile);
      assert.equal(text, '{}');
      assert.equal({}.polluted, undefined);
      assert.equal(''.polluted, undefined);
      assert.deepEqual(Object.getOwnPropertyNames(Object.prototype).sort(), before);
    });
  }

  for (const [path, profile] of [
    ['__proto__.polluted', '{"__proto__":{"polluted":"yes"}}'],
    ['user_metadata.__proto__.polluted', '{"user_metadata":{"__proto__":{"polluted":"yes"}}}'],
    ['constructor.prototype.polluted', '{"constructor":{"prototype":{"polluted":"yes"}}}'],
  ]) {
    test(`${path} is a name like any other where a profile has it`, () => {
      assert.equal(reported(path, JSON.parse(profile)), profile);
      assert.equal({}.polluted, undefined);
    });
  }

  test('a profile may have a field of a method that objects have', () => {
    const profile = { hasOwnProperty: 'no', user_metadata: { hasOwnProperty: 'no', plan: 'pro' } };
    const text = reported('user_metadata.plan, hasOwnProperty', profile);
    assert.equal(text, '{"user_metadata":{"plan":"pro"},"hasOwnProperty":"no"}');
  });
});

describe('what is reported', () => {
  test('a value under its path, whatever it is', () => {
    const profile = { phone: '+1', user_metadata: { plan: 'pro', seats: 0, trial: false, note: null } };
    const text = reported('phone, user_metadata.plan,user_metadata.seats,,user_metadata.trial', profile);
    assert.equal(text, '{"phone":"+1","user_metadata":{"plan":"pro","seats":0,"trial":false}}');
    assert.equal(reported('user_metadata.note', profile), '{"user_metadata":{"note":null}}');
  });

  test('nothing of what is not there', () => {
    assert.equal(reported('phone, user_metadata.plan, name.first', { name: 'Ada' }), '{}');
    assert.equal(reported('phone', undefined), '{}');
    assert.equal(reported('', { phone: '+1' }), '{}');
  });

  test('what is reported already stays', () => {
    const already = { name: 'Ada', app_metadata: { stripe_signup: 'exempt' } };
    const profile = { name: { first: 'Eve' }, app_metadata: { stripe_signup: 'none', plan: 'pro' } };
    const text = reported('name.first, app_metadata.stripe_signup, app_metadata.plan', profile, already);
    assert.equal(text, '{"name":"Ada","app_metadata":{"stripe_signup":"exempt","plan":"pro"}}');
  });
});
