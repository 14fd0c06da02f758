// The laws of the options of ticks: whoever is let in by an identity must be named wholly.
import { expect, test } from 'vitest';
import { parseTickOptions } from '../../src/domain/tick-options.ts';

const OIDC = {
  issuer: 'https://accounts.google.com',
  audience: 'https://jobs.example/v1/ticks/cloud',
  serviceAccount: 'tick@example.iam.gserviceaccount.com',
  jwksUrl: 'https://www.googleapis.com/oauth2/v3/certs',
};

test('nothing is let in unless something is given', () => {
  expect(parseTickOptions()).toEqual({});
});

test('what is given wins over the environment', () => {
  const environment = {
    UNSTUCK_TICK_SECRET: 'secret-of-the-environment',
    UNSTUCK_OIDC_ISSUER: OIDC.issuer,
    UNSTUCK_OIDC_AUDIENCE: OIDC.audience,
    UNSTUCK_OIDC_SERVICE_ACCOUNT: OIDC.serviceAccount,
    UNSTUCK_OIDC_JWKS_URL: OIDC.jwksUrl,
  };
  expect(parseTickOptions({}, environment)).toEqual({
    secret: 'secret-of-the-environment',
    oidc: OIDC,
  });
  expect(parseTickOptions({ secret: 'secret-that-was-given' }, environment)).toMatchObject({
    secret: 'secret-that-was-given',
  });
});

test.each(Object.keys(OIDC))(
  'an identity without %s is refused: anybody might be let in',
  (name) => {
    expect(() => parseTickOptions({ oidc: { ...OIDC, [name]: '' } })).toThrow(name);
  },
);

test.each([
  'http://keys.example/certs',
  'ftp://localhost/certs',
  'certs',
  'http://localhost.evil.example/',
])('keys are not read from %s', (jwksUrl) => {
  expect(() => parseTickOptions({ oidc: { ...OIDC, jwksUrl } })).toThrow(/https/);
});

test('a secret that is too short is refused, and not repeated', () => {
  expect(() => parseTickOptions({ secret: 'short' })).toThrow(/option secret(?!.*short)/);
});
