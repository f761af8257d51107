/** src/actions/dist/, which is what people paste and what `customerlink install` puts in. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { ACTIONS, DIST, built } = require('../../tools/build_actions.js');

const read = (...names) => fs.readFileSync(path.join(...names), 'utf8');

for (const action of ACTIONS) {
  test(`${action}.js is what its sources give: make actions`, () => {
    assert.equal(read(DIST, `${action}.js`), built(action));
  });

  test(`${action}.js requires what Node has, and nothing else`, () => {
    const required = [...built(action).matchAll(/require\((.*?)\)/g)].map(([, name]) => name);
    assert.deepEqual(required, ["'node:crypto'"]);
  });

  test(`${action}.js exports handlers, and nothing else`, () => {
    const names = Object.keys(require(path.join(DIST, `${action}.js`)));
    assert.ok(names.length > 0);
    assert.ok(names.every((name) => /^on(Execute|Continue)[A-Z]/.test(name)), names.join());
  });
}

test('there is no other file, which nobody would build', () => {
  assert.deepEqual(fs.readdirSync(DIST), ACTIONS.map((action) => `${action}.js`).sort());
});

test('the head says which release it is, and where to make a change', () => {
  const [version, from] = read(DIST, 'post-login.js').split('\n');
  const project = read(__dirname, '../../pyproject.toml');
  assert.ok(project.includes(`version = "${version.replace('// Customer Link ', '')}"`), version);
  assert.equal(
    from,
    '// Built from src/actions/post-login.js, src/actions/attendance.js, src/actions/denial.js, ' +
      'src/actions/locales.js, src/actions/ids.js, src/actions/profile.js and src/actions/reporting.js; do not edit.',
  );
});
