/** Sealing what only the page may read: the token that carries it stands in an address. */
const crypto = require('node:crypto');

const PURPOSE = 'customer-link: the address on the page';

/** AES-256-GCM by a key that is derived from the secret, and has no other use. */
function sealed(secret, text) {
  const key = crypto.hkdfSync('sha256', secret, '', PURPOSE, 32);
  const nonce = crypto.randomBytes(12);
  const cipher = crypto.createCipheriv('aes-256-gcm', Buffer.from(key), nonce);
  const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts).toString('base64url');
}

module.exports = { sealed };
