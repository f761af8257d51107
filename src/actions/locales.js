const LOCALE = /^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$/;

/** In which languages the person reads: what the application asked for, what the log-in page was in, the browser's. */
function localesOf(event) {
  const { ui_locales: asked, locale } = event.transaction ?? {};
  const all = [...(Array.isArray(asked) ? asked : []), locale, event.request?.language];
  const known = all.filter((each) => typeof each === 'string' && each.length < 36 && LOCALE.test(each));
  return [...new Set(known)].slice(0, 6).join(' ') || undefined;
}

module.exports = { LOCALE, localesOf };
