/**
 * A trigger as an Action sees it, from its list: an `event` in which a misspelt field is an error,
 * and an `api` that has the trigger's methods and no others.
 */
const crypto = require('node:crypto');

const POST_LOGIN = require('./post_login.json');

/** The list of fields and methods, by the name of the handler. */
const TRIGGERS = {
  onExecutePostLogin: POST_LOGIN,
  onContinuePostLogin: POST_LOGIN,
  onExecutePreUserRegistration: require('./pre_user_registration.json'),
  onExecutePostUserRegistration: require('./post_user_registration.json'),
};

/** What is asked of a value without being a field of it: by `JSON.stringify`, `await`, `console`. */
const ASKED_OF_ANYTHING = new Set(['toJSON', 'then', 'constructor']);

/** Logins without a browser, which cannot be sent anywhere. */
const NOT_REDIRECTED = new Set([
  'oauth2-refresh-token',
  'oauth2-token-exchange',
  'oauth2-password',
  'oauth2-resource-owner',
]);

/** Give the event behind a guard: reading a field that the trigger does not have throws. */
function guarded(value, schema = POST_LOGIN.event, path = 'event') {
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
function recordingApi(trigger = POST_LOGIN, event = {}) {
  const asked = { denials: [], app_metadata: {}, id_token: {}, access_token: {}, redirect: null };
  const recorded = {
    // The registration's `deny` takes a reason for the log first, then the user's text.
    access: { deny: (...texts) => void asked.denials.push(String(texts.at(-1))) },
    user: {
      setAppMetadata: (key, value) => void (asked.app_metadata[key] = value),
      setUserMetadata: () => undefined,
    },
    idToken: { setCustomClaim: (name, value) => void (asked.id_token[name] = value) },
    accessToken: { setCustomClaim: (name, value) => void (asked.access_token[name] = value) },
    redirect: {
      canRedirect: () => !NOT_REDIRECTED.has(event.transaction?.protocol),
      encodeToken: (options) => sessionToken(event, options),
      sendUserTo: (url, options = {}) => void (asked.redirect = withQuery(url, options.query, event.transaction?.id)),
    },
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

/** https://auth0.com/docs/customize/actions (redirect with Actions): an HS256 JWT about this login. */
function sessionToken(event, { secret, payload, expiresInSeconds = 900 }) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iat: now,
    iss: event.request?.hostname,
    sub: event.user?.user_id,
    exp: now + expiresInSeconds,
    ip: event.request?.ip,
    ...payload,
  };
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims].map((each) =>
    Buffer.from(JSON.stringify(each)).toString('base64url'),
  );
  const signature = crypto.createHmac('sha256', secret).update(parts.join('.')).digest('base64url');
  return [...parts, signature].join('.');
}

/** Auth0 adds `state`, by which `/continue` finds the login again. */
function withQuery(url, query = {}, state = 'the-logins-state') {
  const to = new URL(url);
  for (const [name, value] of Object.entries({ ...query, state })) {
    to.searchParams.set(name, value);
  }
  return to.href;
}

module.exports = { TRIGGERS, guarded, recordingApi };
