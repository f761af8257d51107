/**
 * Runs Actions as Auth0's triggers do: one JSON line in (handler, event, which Action), one out (what
 * the Action asked for). `deny` does not throw; an uncaught error denies; so does a missing method.
 */
const { AsyncLocalStorage } = require('node:async_hooks');
const path = require('node:path');
const readline = require('node:readline');

const { TRIGGERS, guarded, recordingApi } = require('./auth0/trigger.js');

const EXECUTION_MS = 20_000;
const files = process.argv.slice(2).map((each) => path.resolve(each));
const bound = Object.assign({}, ...files.map((each) => require(each)));
const actions = Object.fromEntries(files.map((each) => [path.basename(each, '.js'), require(each)]));

// An Action's requests name the flow that it runs in: sandbox.noting.
const flows = new AsyncLocalStorage();
const send = globalThis.fetch;
globalThis.fetch = (url, init = {}) =>
  send(url, { ...init, headers: { ...init.headers, 'x-sandbox-flow': flows.getStore() ?? '' } });

async function execute(handler, event, handlers) {
  const trigger = TRIGGERS[handler];
  const { asked, api } = recordingApi(trigger, event);
  let error = null;
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the trigger ran out of time')), EXECUTION_MS);
  });
  try {
    await Promise.race([handlers[handler](guarded(event, trigger.event), api), deadline]);
  } catch (thrown) {
    error = String(thrown?.message ?? thrown);
  } finally {
    clearTimeout(timer);
  }
  return { ...asked, error, denial: error ?? asked.denials[0] ?? null };
}

const answer = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);
console.log = (...args) => answer({ log: args.join(' ') });

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { call, flow, handler, event, action } = JSON.parse(line);
  answer({ call, asked: await flows.run(flow, () => execute(handler, event, actions[action] ?? bound)) });
});
