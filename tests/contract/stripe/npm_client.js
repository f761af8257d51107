/** The stripe npm package asks for the same facts: node npm_client.js ADDRESS KEY EMAIL. */
const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const Stripe = require('stripe');

const [address, key, email] = process.argv.slice(2);
const { hostname, port, protocol } = new URL(address);
const options = { host: hostname, protocol: protocol.slice(0, -1), maxNetworkRetries: 0, telemetry: false };
const stripe = new Stripe(key, { ...options, ...(port && { port }) });

const facts = {
  'a customer is created, listed, retrieved, updated and deleted': async () => {
    const { id } = await stripe.customers.create({ email, metadata: { kept: '1', gone: '1' } });
    const listed = await stripe.customers.list({ email });
    assert.deepEqual(listed.data.map((each) => each.id), [id]);
    assert.equal((await stripe.customers.retrieve(id)).email, email);
    const updated = await stripe.customers.update(id, { metadata: { gone: '' } });
    assert.deepEqual({ ...updated.metadata }, { kept: '1' });
    assert.equal((await stripe.customers.del(id)).deleted, true);
    assert.equal((await stripe.customers.retrieve(id)).deleted, true);
  },
  'all pages are walked': async () => {
    const made = [];
    for (let number = 0; number < 3; number += 1) {
      made.push((await stripe.customers.create({ email })).id);
    }
    const listed = [];
    for await (const each of stripe.customers.list({ email, limit: 2 })) {
      listed.push(each.id);
    }
    await Promise.all(made.map((id) => stripe.customers.del(id)));
    assert.deepEqual(new Set(listed), new Set(made));
  },
  'an idempotency key is replayed': async () => {
    const idempotencyKey = randomUUID();
    const first = await stripe.customers.create({ email }, { idempotencyKey });
    const second = await stripe.customers.create({ email }, { idempotencyKey });
    await stripe.customers.del(first.id);
    assert.equal(first.id, second.id);
    assert.equal(second.lastResponse.headers['idempotent-replayed'], 'true');
    await assert.rejects(stripe.customers.create({ email: `x${email}` }, { idempotencyKey }), {
      type: 'StripeIdempotencyError',
      statusCode: 400,
    });
  },
  'errors have their types': async () => {
    await assert.rejects(stripe.customers.create({ email: 'no address' }), {
      type: 'StripeInvalidRequestError',
      code: 'email_invalid',
      param: 'email',
    });
    await assert.rejects(stripe.customers.retrieve('cus_unknown'), { code: 'resource_missing', statusCode: 404 });
    const stranger = new Stripe(`rk_test_${'0'.repeat(24)}`, stripe._api.port ? { ...options, port } : options);
    await assert.rejects(stranger.customers.list(), { type: 'StripeAuthenticationError', statusCode: 401 });
  },
};

(async () => {
  for (const [fact, check] of Object.entries(facts)) {
    await check();
    console.log(fact);
  }
})();
