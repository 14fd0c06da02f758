// The laws of serving options: loopback by default, and nothing else without a token.
import { expect, test } from 'vitest';
import { isLoopback, parseServeOptions } from '../../src/domain/serve-options.ts';

const TOKEN = 'sixteen-letters!';

test('the default is loopback, a port that may give way, and no token', () => {
  expect(parseServeOptions({}, {})).toEqual({
    host: '127.0.0.1',
    port: 8790,
    portChosen: false,
    token: undefined,
  });
});

test('options go over the environment', () => {
  const environment = { UNSTUCK_HOST: '::1', UNSTUCK_PORT: '1', UNSTUCK_TOKEN: TOKEN };
  expect(parseServeOptions({}, environment)).toEqual({
    host: '::1',
    port: 1,
    portChosen: true,
    token: TOKEN,
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
