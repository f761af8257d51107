/**
 * The post-login trigger as an Action sees it, from the list in post_login.json: an `event` in which
 * a misspelt field is an error, and an `api` that has the trigger's methods and no others.
 */
const trigger = require('./post_login.json');

/** What is asked of a value without being a field of it: by `JSON.stringify`, `await`, `console`. */
const ASKED_OF_ANYTHING = new Set(['toJSON', 'then', 'constructor']);

/** Give the event behind a guard: reading a field that the trigger does not have throws. */
function guarded(value, schema = trigger.event, path = 'event') {
  if (value === null || typeof value !== 'object' || !schema?.properties) {
    return value;
  }
  return new Proxy(value, {
    get(target, name) {
      const isKnown = typeof name === 'symbol' || name in schema.properties || ASKED_OF_ANYTHING.has(name);
      if (!isKnown) {
        throw new TypeError(`${path}.${name} is no field of the trigger`);
      }
      return guarded(target[name], schema.properties[name], `${path}.${String(name)}`);
    },
  });
}

/** Give an `api` that keeps what it is asked for; a method that nobody stands in for throws. */
function recordingApi() {
  const asked = { denials: [], app_metadata: {}, id_token: {}, access_token: {} };
  const recorded = {
    access: { deny: (reason) => void asked.denials.push(String(reason)) },
    user: {
      setAppMetadata: (key, value) => void (asked.app_metadata[key] = value),
      setUserMetadata: () => undefined,
    },
    idToken: { setCustomClaim: (name, value) => void (asked.id_token[name] = value) },
    accessToken: { setCustomClaim: (name, value) => void (asked.access_token[name] = value) },
  };
  const api = {};
  for (const [object, methods] of Object.entries(trigger.api)) {
    api[object] = {};
    for (const method of methods) {
      api[object][method] =
        recorded[object]?.[method] ??
        (() => {
          throw new Error(`nobody stands in for api.${object}.${method}`);
        });
    }
  }
  return { asked, api };
}

module.exports = { guarded, recordingApi };
