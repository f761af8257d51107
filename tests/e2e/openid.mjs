// A second opinion: openid-client, which is certified by the OpenID Foundation, logs somebody in without a browser.
//
// Standard input: {domain, clientId, secret, page, audience}. Standard output: what it gave.
import * as client from 'openid-client';

const input = await new Promise((resolve) => {
  let text = '';
  process.stdin.on('data', (each) => (text += each)).on('end', () => resolve(JSON.parse(text)));
});
// A busy machine takes its time.
const insecure = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks], timeout: 300 };
const issuer = new URL(input.domain);

/** Send a form to the page that a request leads to; give where the browser is sent then. */
async function loggedIn(url, form) {
  const page = await fetch(url, { redirect: 'manual' });
  const at = new URL(page.headers.get('location'), issuer);
  const done = await fetch(at, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
  return new URL(done.headers.get('location'));
}

async function played(configuration) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), maxAge: 60 };
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: input.page,
    scope: 'openid profile email offline_access customers:own',
    audience: input.audience,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    max_age: '60',
    connection: 'apple',
  });
  const at = await loggedIn(url, { email: 'mary@example.com', email_verified: 'on', name: 'Mary' });
  const tokens = await client.authorizationCodeGrant(configuration, at, checks);
  const claims = tokens.claims();
  const profile = await client.fetchUserInfo(configuration, tokens.access_token, claims.sub);
  const renewed = await client.refreshTokenGrant(configuration, tokens.refresh_token);
  await client.tokenRevocation(configuration, renewed.refresh_token);
  const revoked = await client.refreshTokenGrant(configuration, renewed.refresh_token).catch(({ error }) => error);
  return { claims, profile, renewed: renewed.claims(), scope: renewed.scope, revoked };
}

const seen = {};
seen.page = await played(await client.discovery(issuer, input.clientId, undefined, client.None(), insecure));
for (const [name, how] of Object.entries({ post: client.ClientSecretPost, basic: client.ClientSecretBasic })) {
  seen[name] = await played(await client.discovery(issuer, 'a server', undefined, how(input.secret), insecure));
}
process.stdout.write(JSON.stringify(seen));
