/** What somebody reads whom an Action denies by itself, in a language of theirs, with a reference. */
const { LOCALE, localesOf } = require('./locales.js');

const LONGEST_TEXT = 500;
const CLASSES = ['try_again', 'as_before', 'support', 'log_in_again'];

// Nobody sees a control character, a blank that is no space, nor what turns the direction of words;
// half an emoji is no text. The shop may put the text into a page, where markup could do something.
// The list, and its reasons, are those of src/customerlink/model/seen_text.py.
const ODD =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class -- they are what is looked for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2028-\u202e\u2060-\u206f\u2800\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Cs}|(?:^|\s)[\u200c\u200d]|[\u200c\u200d](?:$|\s|[\u200c\u200d])/u;
const MARKUP = /[<>]|&#?[\p{L}\p{N}_]+;/u;

/** Those of src/customerlink/model/denial_texts.py, to which a test holds them. */
const BUILT_IN = {
  try_again: {
    en: 'Something did not work on our side.\nPlease log in again in a minute.\nReference: {reference}',
    de: 'Bei uns hat etwas nicht funktioniert.\nBitte melden Sie sich in einer Minute noch einmal an.\nReferenz: {reference}',
    es: 'Algo no ha funcionado por nuestra parte.\nVuelva a iniciar sesión dentro de un minuto.\nReferencia: {reference}',
    fr: 'Un problème est survenu de notre côté.\nVeuillez vous reconnecter dans une minute.\nRéférence : {reference}',
  },
  as_before: {
    en: 'Your email address is in use already.\nPlease log in the way you did before, or contact support.\nReference: {reference}',
    de: 'Ihre E-Mail-Adresse wird bereits verwendet.\nBitte melden Sie sich so an wie bisher, oder wenden Sie sich an den Support.\nReferenz: {reference}',
    es: 'Su dirección de correo electrónico ya está en uso.\nInicie sesión como lo hizo antes o póngase en contacto con el servicio de asistencia.\nReferencia: {reference}',
    fr: "Votre adresse e-mail est déjà utilisée.\nVeuillez vous connecter comme auparavant ou contacter l'assistance.\nRéférence : {reference}",
  },
  support: {
    en: 'We could not create your account.\nPlease contact support for assistance.\nReference: {reference}',
    de: 'Wir konnten Ihr Konto nicht anlegen.\nBitte wenden Sie sich an den Support.\nReferenz: {reference}',
    es: 'No hemos podido crear su cuenta.\nPóngase en contacto con el servicio de asistencia.\nReferencia: {reference}',
    fr: "Nous n'avons pas pu créer votre compte.\nVeuillez contacter l'assistance.\nRéférence : {reference}",
  },
  log_in_again: {
    en: 'Please log in again.',
    de: 'Bitte melden Sie sich noch einmal an.',
    es: 'Vuelva a iniciar sesión.',
    fr: 'Veuillez vous reconnecter.',
  },
};

const BY_REASON = { provisioning_failed: 'try_again', in_progress: 'try_again', email_in_use: 'as_before' };

/** The class of an answer's reason. */
function classOf(reason) {
  return Object.hasOwn(BY_REASON, reason) ? BY_REASON[reason] : 'support';
}

/** What to deny with. It never throws: a wrong secret is told in the log, and keeps nobody out or in. */
function denialText(event, which, reference) {
  const [wanted, given] = [wantedLocales(event), givenTexts(event)];
  const texts = { ...given[which], ...without(BUILT_IN[which], given[which]) };
  const locale = wanted.flatMap(wider).find((each) => Object.hasOwn(texts, each)) ?? Object.keys(texts)[0];
  const text = texts[locale];
  if (text.includes('{reference}')) {
    return text.replaceAll('{reference}', () => reference ?? '');
  }
  return reference ? `${text}\n${reference}` : text;
}

function wantedLocales(event) {
  try {
    return normal(localesOf(event) ?? '').split(' ');
  } catch {
    return [];
  }
}

function normal(locale) {
  return locale.replaceAll('_', '-').toLowerCase();
}

/** `de-ch-1996`, `de-ch`, `de`: RFC 4647, section 3.4. */
function wider(locale) {
  const parts = locale.split('-');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'));
}

function without(texts, given = {}) {
  return Object.fromEntries(Object.entries(texts).filter(([locale]) => !Object.hasOwn(given, locale)));
}

/** The secret's texts by class and locale; none of them where one is odd, as in the function. */
function givenTexts(event) {
  try {
    const secret = event.secrets?.CUSTOMERLINK_DENIAL_TEXTS;
    return secret ? parsedTexts(secret) : {};
  } catch (error) {
    // Whatever else it is, that the event cannot be read is told already.
    if (error instanceof RangeError || error instanceof SyntaxError) {
      const problem = error instanceof RangeError ? error.message : 'is not JSON';
      console.log(`Customer Link: CUSTOMERLINK_DENIAL_TEXTS ${problem}`.slice(0, 256));
    }
    return {};
  }
}

/** Read {locale: {class: text}}; a RangeError names the field that is wrong, and never its text. */
function parsedTexts(secret) {
  const given = {};
  for (const [name, texts] of Object.entries(objectIn(JSON.parse(secret), 'is not a JSON object'))) {
    expect(LOCALE.test(name), 'has a name that is no locale');
    const locale = normal(name);
    for (const [which, text] of Object.entries(objectIn(texts, `has no texts for ${locale}`, true))) {
      expect(CLASSES.includes(which), `has an unknown class for ${locale}`);
      expectText(text, `${locale}.${which}`);
      given[which] ??= {};
      expect(!Object.hasOwn(given[which], locale), `has ${locale} twice`);
      given[which][locale] = text;
    }
  }
  return given;
}

function expectText(text, path) {
  expect(typeof text === 'string' && /[^\ufe00-\ufe0f\s\u061c\u200e\u200f]/u.test(text), `has no text for ${path}`);
  expect([...text].length <= LONGEST_TEXT, `has more than ${LONGEST_TEXT} characters for ${path}`);
  expect(!ODD.test(text), `has a character that is no text for ${path}`);
  expect(!MARKUP.test(text), `has markup for ${path}`);
}

function objectIn(value, problem, isFilled = false) {
  expect(value && typeof value === 'object' && !Array.isArray(value), problem);
  expect(!isFilled || Object.keys(value).length > 0, problem);
  return value;
}

function expect(holds, problem) {
  if (!holds) {
    throw new RangeError(problem);
  }
}

module.exports = { BUILT_IN, classOf, denialText, parsedTexts };
