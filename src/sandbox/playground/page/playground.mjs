// The playground's page. Whatever it shows came from the server, and is put in as text; nothing is decided here.
const token = location.hash.slice(1);
const KEPT_FLOWS = 40;
const PAUSE_MS = 150;
const GONE = 'The sandbox does not answer: it has ended, or this address is of an earlier one.';

const at = (id) => document.getElementById(id);
const flows = new Map();
let chosen = '';
let refreshing;
let asked = 0;
let before = '';

/** Make an element; children that are no elements become text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function button(text, act) {
  const made = element('button', { type: 'button' }, text);
  made.addEventListener('click', act);
  return made;
}

const say = (text) => void (at('said').textContent = text);

async function ask(path, body) {
  const headers = { 'x-playground-token': token, ...(body && { 'content-type': 'application/json' }) };
  const asking = fetch(path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) });
  // 403 is the answer to another run's token.
  const gone = { error: GONE };
  const document = await asking.then((answer) => (answer.status === 403 ? gone : answer.json())).catch(() => gone);
  if (document.error) {
    say(document.error);
  }
  return document;
}

async function copy(text, pressed) {
  const isCopied = await navigator.clipboard.writeText(text).then(() => true, () => false);
  const name = pressed.textContent;
  pressed.textContent = isCopied ? 'Copied' : 'The browser refuses to copy';
  setTimeout(() => void (pressed.textContent = name), 1500);
}

/* The stream */

function flowOf({ flow, kind, title }) {
  if (!flows.has(flow)) {
    const rows = element('ol');
    const heading = element('h3', {}, flow ? title : 'From outside');
    // What somebody did is open; what is followed afterwards, and what other tools ask, can be opened.
    const isOpen = flow && ['login', 'report'].includes(kind);
    const item = element('li', {}, element('details', isOpen ? { open: '' } : {}, element('summary', {}, heading), rows));
    at('flows').prepend(item);
    flows.set(flow, { item, heading, rows });
    for (const [oldest, { item: old }] of [...flows].slice(0, -KEPT_FLOWS)) {
      old.remove();
      flows.delete(oldest);
    }
  }
  return flows.get(flow);
}

/** What is to be seen before a row is opened. */
function facts({ kind, ms, detail }) {
  const found = [];
  if (kind === 'dynamodb') {
    found.push(String(detail.status));
  }
  if (detail.idempotency_key) {
    found.push(`key ${detail.idempotency_key}`, ...(detail.is_replayed ? ['replayed'] : []));
  }
  if (kind === 'log' && detail.reason) {
    found.push(detail.reason);
  }
  return ms ? [...found, `${ms.toFixed(1)} ms`] : found;
}

function row(entry) {
  const { kind, title, detail, curl, runbook } = entry;
  const told = facts(entry).flatMap((each) => [' ', element('span', { class: 'fact' }, each)]);
  const summary = element('summary', {}, element('b', {}, kind), ' ', element('span', {}, title), ...told);
  const made = element('details', { class: kind }, summary);
  // A document is made when somebody wants to see it: there are many.
  made.addEventListener(
    'toggle',
    () => {
      if (curl) {
        const pressed = button('Copy as curl', () => copy(curl, pressed));
        made.append(pressed);
      }
      if (runbook) {
        made.append(element('a', { href: `/operations#${runbook}`, target: '_blank' }, `Runbook: ${runbook}`));
      }
      made.append(element('pre', {}, JSON.stringify(detail, null, 2)));
    },
    { once: true },
  );
  return element('li', { 'data-number': entry.number }, made);
}

function show(entry) {
  const flow = flowOf(entry);
  const { heading, rows } = flow;
  rows.append(row(entry));
  if (entry.kind === 'login' && entry.detail.user_id) {
    chosen = entry.detail.user_id;
  }
  if (entry.kind === 'instruction') {
    flow.answer = entry.title;
    say(`${heading.textContent}: ${entry.title}`);
  }
  // What the person got: the answer may have been lost. A silent log-in, which asks nobody, says nothing.
  if (entry.kind === 'login' && 'denial' in entry.detail && flow.answer) {
    say(`${entry.title} (the function: ${flow.answer})`);
  }
  if (entry.kind === 'sync') {
    heading.textContent = entry.title;
  }
  soon();
}

function listen() {
  const stream = new EventSource(`/events?token=${encodeURIComponent(token)}`);
  stream.addEventListener('message', ({ data }) => show(JSON.parse(data)));
  // It never ends by itself, nor does another run have its address.
  stream.addEventListener('error', () => say(GONE));
}

/* Both sides, and the switches */

function soon() {
  at('right').setAttribute('aria-busy', 'true');
  clearTimeout(refreshing);
  refreshing = setTimeout(refresh, PAUSE_MS);
}

async function refresh() {
  asked += 1;
  const mine = asked;
  const state = await ask(`/state?user=${encodeURIComponent(chosen)}`);
  const now = JSON.stringify(state);
  // An earlier question may be answered later.
  if (mine !== asked) {
    return;
  }
  at('right').setAttribute('aria-busy', 'false');
  if (state.error || now === before) {
    return;
  }
  before = now;
  if (!at('frame').src) {
    at('frame').src = state.frame;
  }
  at('export').value = state.export;
  at('foot').replaceChildren(
    ...Object.entries(state.foot).map(([name, number]) => element('div', {}, element('dt', {}, name), element('dd', {}, String(number)))),
  );
  users(state);
  at('sides').replaceChildren(...sides(state));
  switches(state);
}

function users({ users: all, user }) {
  const options = [...at('user').options].map(({ value }) => value);
  const wanted = ['', ...all];
  // As JSON: as strings, no option and one without a name are the same.
  if (JSON.stringify(options) !== JSON.stringify(wanted)) {
    at('user').replaceChildren(...wanted.map((each) => element('option', { value: each }, each || 'nobody yet')));
  }
  at('user').value = user;
}

function sides({ sides: shown, link }) {
  const made = shown.map(({ title, rows }) => {
    const list = rows.flatMap(([path, text, isNew]) => [
      element('dt', {}, path),
      element('dd', {}, isNew ? element('mark', { title: 'changed by the last log-in' }, text) : text),
    ]);
    return element('section', {}, element('h3', {}, title), rows.length ? element('dl', {}, ...list) : element('p', {}, 'none'));
  });
  if (link) {
    const line = `${link.is_in_order ? '✓' : '✗'} ${link.kind}: ${link.meaning}`;
    made.splice(1, 0, element('p', { id: 'link', class: link.is_in_order ? 'good' : 'bad' }, line));
  }
  return made;
}

async function turn(path, name, value) {
  await ask(path, { name, value });
  await refresh();
}

async function tell({ name, title }) {
  const others = [...at('stories').children];
  others.forEach((each) => void (each.disabled = true));
  say(`${title} …`);
  const { wrong } = await ask('/story', { name });
  others.forEach((each) => void (each.disabled = false));
  if (wrong) {
    say(wrong.length ? `${title}: not as expected: ${wrong.join('; ')}` : `${title}: as expected`);
  }
  await refresh();
}

function policy({ name, values }) {
  const choice = element('select', { name }, ...values.map((each) => element('option', { value: each }, each || 'none')));
  choice.addEventListener('change', () => turn('/policy', name, choice.value));
  return element('label', {}, `${name} `, choice);
}

function weather({ name }) {
  const choice = element('input', { type: 'radio', name: 'weather', value: name });
  choice.addEventListener('change', () => turn('/weather', name));
  return element('label', {}, choice, ` ${name}`);
}

/** Made once, so that a control keeps the focus; then set. */
function switches(state) {
  if (!at('stories').hasChildNodes()) {
    at('stories').append(...state.stories.map((each) => button(each.title, () => tell(each))));
    at('policies').append(...state.policies.map(policy));
    at('weather').append(...state.weather.map(weather));
  }
  for (const { name, value } of state.policies) {
    at('policies').querySelector(`[name=${name}]`).value = value;
  }
  state.weather.forEach(({ is_on: isOn }, index) => void (at('weather').querySelectorAll('input')[index].checked = isOn));
}

at('user').addEventListener('change', () => {
  chosen = at('user').value;
  return refresh();
});
at('copy').addEventListener('click', () => copy(at('export').value, at('copy')));
listen();
await refresh();
