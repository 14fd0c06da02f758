// The laws of options: one table, defaults within their own bounds, wrong values and unknown names refused by name.
import { describe, expect, test } from 'vitest';
import { OPTIONS, type OptionName, parseConfig } from '../../src/domain/options.ts';
import { environmentName } from '../../src/domain/parse-option.ts';

const names = Object.keys(OPTIONS) as OptionName[];

test('every default fits its own option, and the configuration cannot be changed', () => {
  const config = parseConfig({}, {});
  expect(Object.keys(config)).toEqual(names);
  expect(Object.isFrozen(config)).toBe(true);
  expect(config).toMatchObject({
    lease: 10_000,
    sweepInterval: 750,
    migrate: true,
    schema: 'unstuck',
  });
});

test('S3.2: every option has an environment variable of its own, and options win over it', () => {
  expect(new Set(names.map(environmentName)).size).toBe(names.length);
  expect(environmentName('pollInterval')).toBe('UNSTUCK_POLL_INTERVAL');
  const environment = {
    UNSTUCK_SWEEP: 'off',
    UNSTUCK_SWEEP_INTERVAL: '5s',
    UNSTUCK_TIMEOUT: '60000',
    UNSTUCK_CONNECTIONS: '7',
  };
  expect(parseConfig({}, environment)).toMatchObject({
    sweep: false,
    sweepInterval: 5_000,
    timeout: 60_000,
    connections: 7,
  });
  expect(parseConfig({ sweep: true }, environment).sweep).toBe(true);
  expect(parseConfig({}, { UNSTUCK_SWEEP: '' }).sweep).toBe(true);
});

describe('a wrong value is refused by name', () => {
  test.for<[name: OptionName, value: unknown]>([
    ['lease', '999ms'],
    ['lease', '2h'],
    ['lease', 'soon'],
    ['lease', null],
    ['connections', 1],
    ['connections', 4.5],
    ['connections', '4'],
    ['connections', Number.NaN],
    ['notify', 'true'],
    ['unknownTypes', 'ignore'],
    ['schema', 'Unstuck'],
    ['schema', 'a"b'],
    ['schema', 'a'.repeat(41)],
    ['logLevel', 'loud'],
    ['timeout', '3651d'],
  ])('%s %s', ([name, value]) => {
    expect(() => parseConfig({ [name]: value }, {})).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(name) }),
    );
  });

  test.for([
    ['UNSTUCK_LEASE', 'x'],
    ['UNSTUCK_NOTIFY', 'maybe'],
    ['UNSTUCK_CONNECTIONS', 'many'],
    ['UNSTUCK_SCHEMA', 'Ä'],
  ])('variable %s=%s', ([variable = '', text]) => {
    expect(() => parseConfig({}, { [variable]: text })).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringContaining(variable),
      }),
    );
  });

  test('an unknown option is refused with the known ones, and inherited names are unknown', () => {
    for (const name of ['leese', 'toString', 'constructor'])
      expect(() => parseConfig({ [name]: 1 }, {}), name).toThrow(
        expect.objectContaining({
          code: 'OPTION_UNKNOWN',
          message: expect.stringContaining('lease'),
        }),
      );
  });
});
