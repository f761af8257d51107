/**
 * Builds src/actions/dist/: each Action as the one file that Auth0's editor takes (`make actions`).
 *
 * esbuild leaves out the comments, which people read before they paste. So the text of the
 * Action stays as it is, and the files that it requires follow it.
 */
const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');
const SOURCES = 'src/actions';
const DIST = path.join(ROOT, SOURCES, 'dist');
const ACTIONS = ['post-login', 'pre-user-registration', 'post-user-registration', 'verify-email'];

const REQUIRE = /^const \{.*\} = require\('\.\/(.+)'\);\n/gm;
const EXPORTS = /^module\.exports = \{.*\};\n/m;

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** Give an Action's built text. */
function built(action) {
  const source = `${SOURCES}/${action}.js`;
  const code = read(source);
  const shared = sharedBy(code);
  const head = `// Customer Link ${version()}\n// Built from ${listed([source, ...shared])}; do not edit.\n\n`;
  // Behind the handler: functions are hoisted, and constants are there before Auth0 calls it.
  const parts = shared.map((file) => read(file).replace(REQUIRE, '').replace(EXPORTS, '').trim());
  return `${[head + code.replace(REQUIRE, '').trim(), ...parts].join('\n\n')}\n`;
}

/** The files that a text requires, and those that they require, each once. */
function sharedBy(code) {
  const own = [...code.matchAll(REQUIRE)].map(([, file]) => `${SOURCES}/${file}`);
  return [...new Set(own.flatMap((file) => [file, ...sharedBy(read(file))]))];
}

function version() {
  return /^version = "(.+)"$/m.exec(read('pyproject.toml'))[1];
}

function listed(names) {
  return [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');
}

if (require.main === module) {
  for (const action of ACTIONS) {
    fs.writeFileSync(path.join(DIST, `${action}.js`), built(action));
  }
}

module.exports = { ACTIONS, DIST, built };
