// The laws of a worker's options: given over environment over default, within bounds, and refused by name.
import { expect, test } from 'vitest';
import { parseWorkOptions } from '../../src/domain/work-options.ts';

test('the default is ten handlers at once, and no name of its own', () => {
  expect(parseWorkOptions({}, {})).toEqual({ concurrency: 10, name: undefined });
});

test('options go over the environment', () => {
  const environment = { UNSTUCK_CONCURRENCY: '25', UNSTUCK_WORKER_NAME: 'mailer' };
  expect(parseWorkOptions({}, environment)).toEqual({ concurrency: 25, name: 'mailer' });
  expect(parseWorkOptions({ concurrency: 1, name: 'a' }, environment)).toEqual({
    concurrency: 1,
    name: 'a',
  });
});

test.each([
  [{ UNSTUCK_CONCURRENCY: '0' }, /UNSTUCK_CONCURRENCY .*from 1 to 10000/],
  [{ UNSTUCK_CONCURRENCY: 'many' }, /UNSTUCK_CONCURRENCY/],
  [{ UNSTUCK_WORKER_NAME: 'a'.repeat(201) }, /UNSTUCK_WORKER_NAME/],
  [{ UNSTUCK_WORKER_NAME: 'a\nb' }, /UNSTUCK_WORKER_NAME/],
])('a wrong variable is refused by name: %j', (environment, name) => {
  expect(() => parseWorkOptions({}, environment)).toThrow(name);
});

test.each([
  [{ concurrency: 0 }, /option concurrency/],
  [{ concurrency: 10_001 }, /option concurrency/],
  [{ concurrency: 1.5 }, /option concurrency/],
  [{ name: 'a\0b' }, /option name/],
])('a wrong option is refused by name: %j', (options, name) => {
  expect(() => parseWorkOptions(options, {})).toThrow(name);
});
