// The laws of ticks over HTTP: an outside scheduler is let in by a token, a secret, or the identity of its cloud, and nobody else is.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  base64url,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { OidcOptions } from '../../../src/http/index.ts';
import { setup } from '../../support/unstuck.ts';
import { type Ask, asking } from '../support/asking.ts';

const SECRET = 'secret-of-the-clock';
const TOKEN = 'token-of-the-server';
const ISSUER = 'https://accounts.example';
const AUDIENCE = 'https://jobs.example/v1/ticks/cloud';
const ACCOUNT = 'tick@project.example';
const IDENTITY = { email: ACCOUNT, email_verified: true };

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let rsa: Keys;
let ec: Keys;
let stranger: Keys;

beforeAll(async () => {
  rsa = await generateKeyPair('RS256');
  ec = await generateKeyPair('ES256');
  stranger = await generateKeyPair('RS256');
});

interface Provider {
  readonly oidc: OidcOptions;
  /** How often its keys were read. */
  readonly reads: () => number;
  readonly answer: (status: number) => void;
}

/** A provider of identities: a server that publishes its public keys. */
async function provider(): Promise<Provider> {
  const keys = [
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256', use: 'sig' },
    { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig' },
  ];
  let reads = 0;
  let status = 200;
  const server = createServer((_request, response) => {
    reads += 1;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const jwksUrl = `http://127.0.0.1:${port}/certs`;
  return {
    oidc: { issuer: ISSUER, audience: AUDIENCE, serviceAccount: ACCOUNT, jwksUrl },
    reads: () => reads,
    answer: (next) => void (status = next),
  };
}

interface Signed {
  readonly claims?: JWTPayload;
  readonly issuer?: string;
  readonly audience?: string | string[];
  readonly expires?: string;
  readonly header?: { readonly alg: string; readonly kid?: string };
  readonly key?: CryptoKey | Uint8Array;
}

function signed(own: Signed = {}): Promise<string> {
  const { claims = IDENTITY, issuer = ISSUER, audience = AUDIENCE, expires = '5m' } = own;
  const token = new SignJWT(claims)
    .setProtectedHeader(own.header ?? { alg: 'RS256', kid: 'rsa' })
    .setIssuedAt()
    .setIssuer(issuer)
    .setAudience(audience);
  if (expires !== 'never') token.setExpirationTime(expires);
  return token.sign(own.key ?? rsa.privateKey);
}

const tick = (ask: Ask, headers: Readonly<Record<string, string>>): ReturnType<Ask> =>
  ask('POST /v1/ticks/cloud', undefined, { host: 'jobs.example', ...headers });

const bearer = (token: string): Readonly<Record<string, string>> => ({
  authorization: `Bearer ${token}`,
});

test('the token of the server ticks; a wrong one and none do not', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck, { token: TOKEN });
  expect(await tick(ask, bearer(TOKEN))).toMatchObject({ status: 200, body: { more: false } });
  for (const headers of [{}, bearer('wrong'), { 'x-unstuck-tick': SECRET }])
    expect(await tick(ask, headers)).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED' },
    });
});

test('the secret ticks, says who in the log, and opens nothing else', async () => {
  const { unstuck, logged } = await setup({ sweep: false });
  const ask = asking(unstuck, { token: TOKEN, tick: { secret: SECRET } });
  const headers = { 'x-unstuck-tick': SECRET };
  expect(await tick(ask, headers)).toMatchObject({ status: 200 });
  expect((await logged('tick')).facts).toMatchObject({ name: 'cloud', by: 'tick', more: false });
  expect(await ask('GET /v1/status', undefined, headers)).toMatchObject({ status: 401 });
  for (const wrong of ['', `${SECRET}x`, SECRET.slice(1)])
    expect(await tick(ask, { 'x-unstuck-tick': wrong })).toMatchObject({ status: 401 });
  const both = { ...bearer(TOKEN), 'x-unstuck-tick': 'wrong' };
  expect(await tick(ask, both)).toMatchObject({ status: 401 });
});

test('a wrong secret does not tick where this machine may do everything', async () => {
  const { unstuck } = await setup({ sweep: false });
  const headers = { host: 'localhost', 'x-unstuck-tick': 'wrong' };
  for (const secret of [SECRET, undefined]) {
    const ask = asking(unstuck, { tick: { secret } });
    expect(await tick(ask, { host: 'localhost' })).toMatchObject({ status: 200 });
    expect(await tick(ask, headers)).toMatchObject({ status: 401 });
  }
});

test('the identity of the cloud ticks, whichever key it is signed with, and opens nothing else', async () => {
  const { unstuck } = await setup({ sweep: false });
  const { oidc, reads } = await provider();
  const ask = asking(unstuck, { token: TOKEN, tick: { oidc } });
  for (const own of [{}, { header: { alg: 'ES256', kid: 'ec' }, key: ec.privateKey }])
    expect(await tick(ask, bearer(await signed(own)))).toMatchObject({ status: 200 });
  expect(reads()).toBe(1);
  expect(await tick(ask, bearer(TOKEN))).toMatchObject({ status: 200 });
  const elsewhere = await ask('GET /v1/status', undefined, bearer(await signed()));
  expect(elsewhere).toMatchObject({ status: 401 });
});

test('an identity that is not wholly the right one is refused', async () => {
  const { unstuck } = await setup({ sweep: false });
  const { oidc, reads } = await provider();
  const ask = asking(unstuck, { token: TOKEN, tick: { oidc } });
  const publicKey = new TextEncoder().encode(JSON.stringify(await exportJWK(rsa.publicKey)));
  const payload = (await signed()).split('.')[1];
  const none = base64url.encode(JSON.stringify({ alg: 'none' }));
  const refused: Readonly<Record<string, string>> = {
    'another issuer': await signed({ issuer: 'https://evil.example' }),
    'another audience': await signed({ audience: 'https://jobs.example' }),
    'another account': await signed({ claims: { ...IDENTITY, email: 'eve@project.example' } }),
    'an account that is not verified': await signed({
      claims: { ...IDENTITY, email_verified: false },
    }),
    'a verification that is a text': await signed({
      claims: { ...IDENTITY, email_verified: 'true' },
    }),
    'no account': await signed({ claims: {} }),
    expired: await signed({ expires: '-31s' }),
    'without an end': await signed({ expires: 'never' }),
    'not yet valid': await signed({
      claims: { ...IDENTITY, nbf: Math.ceil(Date.now() / 1_000) + 60 },
    }),
    'the key of a stranger': await signed({ key: stranger.privateKey }),
    'an unknown key': await signed({
      header: { alg: 'RS256', kid: 'x' },
      key: stranger.privateKey,
    }),
    'no key id': await signed({ header: { alg: 'RS256' }, key: stranger.privateKey }),
    'HS256 with the public key as its secret': await signed({
      header: { alg: 'HS256', kid: 'rsa' },
      key: publicKey,
    }),
    'no signature': `${none}.${payload}.`,
    'a signature cut off': (await signed()).slice(0, -10),
    'no JSON inside': `${(await signed()).split('.')[0]}.bm8.bm8`,
  };
  for (const [what, token] of Object.entries(refused))
    expect(await tick(ask, bearer(token)), what).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED' },
    });
  // Whoever sends unknown keys cannot make the keys be read again and again.
  expect(reads()).toBe(1);
  expect(await tick(ask, bearer(await signed({ expires: '-5s' })))).toMatchObject({ status: 200 });
});

test('without identities a token of a cloud is an unknown token', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck, { token: TOKEN, tick: { secret: SECRET } });
  expect(await tick(ask, bearer(await signed()))).toMatchObject({ status: 401 });
});

test('keys that cannot be read are told as such, nobody is let in, and they are read again', async () => {
  const { unstuck } = await setup({ sweep: false });
  const { oidc, answer } = await provider();
  const ask = asking(unstuck, { token: TOKEN, tick: { oidc } });
  answer(500);
  expect(await tick(ask, bearer(await signed()))).toMatchObject({
    status: 503,
    body: { code: 'OIDC_KEYS_UNREACHABLE' },
  });
  answer(200);
  expect(await tick(ask, bearer(await signed()))).toMatchObject({ status: 200 });
});

test('the address of keys that a token brings is not followed', async () => {
  const { unstuck } = await setup({ sweep: false });
  const [trusted, evil] = [await provider(), await provider()];
  const ask = asking(unstuck, { token: TOKEN, tick: { oidc: trusted.oidc } });
  const header = { alg: 'RS256', kid: 'x', jku: evil.oidc.jwksUrl };
  const token = await signed({ header, key: stranger.privateKey });
  expect(await tick(ask, bearer(token))).toMatchObject({ status: 401 });
  expect(evil.reads()).toBe(0);
});
