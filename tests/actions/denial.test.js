/** What somebody reads: the secret's texts, read as the function reads its own. */
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { BUILT_IN, denialText, parsedTexts } = require('../../src/actions/denial.js');
const DOCUMENTS = require('../fixtures/denial-texts.json');
const CHOICES = require('../fixtures/denial-choices.json');

describe('the secret', () => {
  for (const { name, document, problem } of DOCUMENTS) {
    test(`is refused with the field named, or taken: ${name}`, () => {
      const told = () => {
        try {
          parsedTexts(document);
          return null;
        } catch (error) {
          return error instanceof SyntaxError ? 'is not JSON' : error.message;
        }
      };
      assert.equal(told(), problem);
    });
  }
});

describe('the text', () => {
  for (const { given, wanted, text, built_in: own } of CHOICES) {
    test(`for ${wanted.join(' ') || 'nobody'} of ${JSON.stringify(given)}`, () => {
      const secrets = { CUSTOMERLINK_DENIAL_TEXTS: JSON.stringify(given) };
      const expected = text ?? BUILT_IN.support[own].replace('{reference}', 'R');

      assert.equal(denialText({ transaction: { ui_locales: wanted }, secrets }, 'support', 'R'), expected);
    });
  }
});
