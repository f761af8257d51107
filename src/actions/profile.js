const { asReported } = require('./reporting.js');

/** Bytes of what is declared: beside the rest of it, a report of 64 KB has no room for more. */
const MOST_BYTES = 48 * 1024;

/**
 * Put what CUSTOMERLINK_PROFILE_FIELDS names into the reported profile, under the same paths. What
 * has no room is left out, so that nobody is kept out by what a profile holds.
 */
function addDeclaredFields(user, event) {
  const paths = (event.secrets?.CUSTOMERLINK_PROFILE_FIELDS ?? '').split(',');
  let room = MOST_BYTES;
  for (const path of paths.map((each) => each.trim()).filter(Boolean)) {
    const names = path.split('.');
    const value = names.reduce(own, event.user);
    const bytes = value === undefined ? Infinity : Buffer.byteLength(JSON.stringify(value, asReported));
    if (bytes <= room) {
      put(user, names, value);
      room -= bytes;
    }
  }
}

/** Give what a value has under a name by itself: `constructor` is a name that every object has. */
function own(value, name) {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Put a value into an object, where nothing is yet; give the object. */
function put(object, [name, ...rest], value) {
  const there = own(object, name);
  if (isObject(there) && rest.length) {
    put(there, rest, value);
  } else if (there === undefined || there === null) {
    // Not by assignment: to `__proto__` that would change what every object has.
    const content = rest.length ? put({}, rest, value) : value;
    const plain = { configurable: true, enumerable: true, writable: true };
    Object.defineProperty(object, name, { ...plain, value: content });
  }
  return object;
}

/** A list is none: no path leads into one, whoever reads the profile. */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

module.exports = { addDeclaredFields };
