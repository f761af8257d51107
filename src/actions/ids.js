/**
 * The form of what may be written into a profile as an id. The function refuses a customer with
 * another id before it changes anything: model/user.py, by tests/fixtures/customer-ids.json as this.
 */
const ID = /^[A-Za-z0-9_-]{1,255}$/;

function isId(value) {
  return typeof value === 'string' && ID.test(value);
}

module.exports = { isId };
