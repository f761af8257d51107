/** Which of the built-in texts somebody reads who is denied, whatever the reference is. */
const { BUILT_IN } = require('../../src/actions/denial.js');

const REFERENCE = /\b[0-9A-F]{4}-[0-9A-F]{4}\b/;

/** Give for each text `class` or `class.locale`, and any other text as it is. */
function deniedWith(denials) {
  return denials.map((text) => {
    const pattern = text.replace(REFERENCE, '{reference}');
    for (const [which, texts] of Object.entries(BUILT_IN)) {
      const found = Object.keys(texts).find((locale) => texts[locale] === pattern);
      if (found) {
        return found === 'en' ? which : `${which}.${found}`;
      }
    }
    return text;
  });
}

/** Log lines without their references. */
function withoutReferences(logs) {
  return logs.map((each) => each.replace(/ \([0-9A-F]{4}-[0-9A-F]{4}\)$/, ''));
}

module.exports = { REFERENCE, deniedWith, withoutReferences };
