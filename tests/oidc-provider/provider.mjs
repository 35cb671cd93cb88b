// An OpenID provider with one client, in which everybody has an account: whoever logs in as `NAME` is `NAME`, and has the verified address
// `NAME@example.invalid`. Says what its issuer is once it listens.
//
//     node provider.mjs PORT CLIENT SECRET REDIRECT…

import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// It is installed beside the working directory, and not beside this file.
const installed = createRequire(pathToFileURL(`${process.cwd()}/`)).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(installed));

const [port, client_id, client_secret, ...redirect_uris] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
  cookies: { keys: ['of a test'] },
  async findAccount(_, accountId) {
    const claims = { email: `${accountId}@example.invalid`, email_verified: true, name: accountId, preferred_username: accountId };
    return { accountId, claims: async () => ({ sub: accountId, ...claims }) };
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log(issuer));
