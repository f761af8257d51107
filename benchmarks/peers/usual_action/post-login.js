/** What people write: the Stripe SDK in the Action itself, list then create. */
const Stripe = require('stripe');

exports.onExecutePostLogin = async (event, api) => {
  const { STRIPE_KEY, STRIPE_HOST, STRIPE_PORT } = event.secrets;
  const stripe = new Stripe(STRIPE_KEY, { host: STRIPE_HOST, port: STRIPE_PORT, protocol: 'http', telemetry: false });
  const { email, name, user_id } = event.user;
  const found = await stripe.customers.list({ email, limit: 1 });
  const customer =
    found.data[0] ??
    (await stripe.customers.create({ email, name, metadata: { auth0_user_id: user_id } }));
  api.user.setAppMetadata('stripe_customer_id', customer.id);
};
