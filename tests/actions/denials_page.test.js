/** The code in docs/denials.md, which a shop copies. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const vm = require('node:vm');

const PAGE = fs.readFileSync(path.join(__dirname, '../../docs/denials.md'), 'utf8');
const [, CODE] = /^```js\n(.*?)^```$/ms.exec(PAGE);

/** Run it on a page at an address; give what it shows. */
function shown(search) {
  const problem = { textContent: '', style: {} };
  const document = { querySelector: () => problem };
  vm.runInNewContext(CODE, { URLSearchParams, document, window: { location: { search } } });
  return problem.textContent;
}

const TEXT = 'Ihre <b>Adresse</b> & mehr.\nReferenz: 3F2A-91BC';

for (const [name, query, text] of [
  ['a denial', { error: 'access_denied', error_description: TEXT, state: 's' }, TEXT],
  ['a log-in', { code: 'c', state: 's' }, ''],
  ['another error', { error: 'login_required', error_description: TEXT }, ''],
]) {
  test(`shows the text of a denial, as text, and nothing of another end: ${name}`, () => {
    assert.equal(shown(`?${new URLSearchParams(query)}`), text);
  });
}
