/** Put what CUSTOMERLINK_PROFILE_FIELDS names into the reported profile, under the same paths. */
function addDeclaredFields(user, event) {
  const paths = (event.secrets?.CUSTOMERLINK_PROFILE_FIELDS ?? '').split(',');
  for (const path of paths.map((each) => each.trim()).filter(Boolean)) {
    const names = path.split('.');
    const last = names.pop();
    let [from, to] = [event.user, user];
    for (const name of names) {
      from = from?.[name];
      to = to[name] ??= {};
    }
    to[last] ??= from?.[last];
  }
}

module.exports = { addDeclaredFields };
