/** Put what CUSTOMERLINK_PROFILE_FIELDS names into the reported profile, under the same paths. */
function addDeclaredFields(user, event) {
  const paths = (event.secrets?.CUSTOMERLINK_PROFILE_FIELDS ?? '').split(',');
  for (const path of paths.map((each) => each.trim()).filter(Boolean)) {
    const names = path.split('.');
    const value = names.reduce(own, event.user);
    if (value !== undefined) {
      put(user, names, value);
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

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

module.exports = { addDeclaredFields };
