// The laws of serving options: loopback by default, and nothing else without a token.
import { expect, test } from 'vitest';
import { isLoopback, parseServeOptions } from '../../src/domain/serve-options.ts';

const TOKEN = 'sixteen-letters!';
const GUARDS = {
  origins: [],
  trustProxy: false,
  requestsPerSecond: 20_000,
  longRequests: 500,
  headerTimeout: 10_000,
  requestTimeout: 30_000,
};

test('the default is loopback, a port that may give way, and no token', () => {
  expect(parseServeOptions({}, {})).toEqual({
    host: '127.0.0.1',
    port: 8790,
    portChosen: false,
    token: undefined,
    ...GUARDS,
  });
});

test('options go over the environment', () => {
  const environment = { UNSTUCK_HOST: '::1', UNSTUCK_PORT: '1', UNSTUCK_TOKEN: TOKEN };
  expect(parseServeOptions({}, environment)).toEqual({
    host: '::1',
    port: 1,
    portChosen: true,
    token: TOKEN,
    ...GUARDS,
  });
  expect(parseServeOptions({ port: 2 }, environment)).toMatchObject({ port: 2 });
});

test.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com'])(
  '%s needs a token',
  (host) => {
    expect(isLoopback(host)).toBe(false);
    expect(() => parseServeOptions({ host }, {})).toThrow(/UNSTUCK_TOKEN/);
    expect(parseServeOptions({ host, token: TOKEN }, {})).toMatchObject({ host, token: TOKEN });
  },
);

test.each([
  [{ UNSTUCK_PORT: '99999' }, /UNSTUCK_PORT/],
  [{ UNSTUCK_PORT: 'http' }, /UNSTUCK_PORT/],
  [{ UNSTUCK_HOST: 'a b' }, /UNSTUCK_HOST/],
  [{ UNSTUCK_TOKEN: 'short' }, /UNSTUCK_TOKEN/],
])('a wrong value is refused by name: %j', (environment, name) => {
  expect(() => parseServeOptions({}, environment)).toThrow(name);
});

test('what guards it is read from the environment too', () => {
  const environment = {
    UNSTUCK_ORIGINS: 'https://Ops.example,http://localhost:5173',
    UNSTUCK_TRUST_PROXY: 'on',
    UNSTUCK_REQUESTS_PER_SECOND: '100',
    UNSTUCK_LONG_REQUESTS: '10',
    UNSTUCK_HEADER_TIMEOUT: '2s',
    UNSTUCK_REQUEST_TIMEOUT: '3s',
  };
  expect(parseServeOptions({}, environment)).toMatchObject({
    origins: ['https://ops.example', 'http://localhost:5173'],
    trustProxy: true,
    requestsPerSecond: 100,
    longRequests: 10,
    headerTimeout: 2_000,
    requestTimeout: 3_000,
  });
});

test('an application that knows its callers may serve any address', () => {
  expect(parseServeOptions({ host: '0.0.0.0' }, {}, true)).toMatchObject({ token: undefined });
});

test.each([
  { origins: ['*'] },
  { origins: ['ops.example'] },
  { requestsPerSecond: 0 },
  { longRequests: 1 },
  { headerTimeout: '1ms' },
  { requestTimeout: '1d' },
])('%j is refused', (given) => {
  expect(() => parseServeOptions(given, {})).toThrow(/Expected option/);
});
