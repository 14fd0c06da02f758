// The laws of definitions: what could not work is refused when it is written, by name.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { findDefinitions } from '../../src/domain/find-definitions.ts';

const good = { type: 'mail', input: z.object({ to: z.string() }), run: () => 1 };

test('a definition has its defaults, and cannot be changed', () => {
  const mail = defineJob(good);
  expect(mail).toMatchObject({
    type: 'mail',
    queue: 'default',
    snoozesMax: 1_000,
    isolate: false,
    retry: { attemptsMax: 5, baseMs: 1_000, maxMs: 600_000 },
  });
  expect(Object.isFrozen(mail)).toBe(true);
});

test('durations become milliseconds', () => {
  expect(defineJob({ ...good, timeout: '30m', claimWithin: 5_000 })).toMatchObject({
    timeoutMs: 1_800_000,
    claimWithinMs: 5_000,
  });
});

test.for<[code: string, change: object]>([
  ['JOB_TYPE_INVALID', { type: '' }],
  ['JOB_TYPE_INVALID', { type: 'a b' }],
  ['JOB_TYPE_INVALID', { type: 'x'.repeat(201) }],
  ['JOB_TYPE_INVALID', { type: 5 }],
  ['OPTION_INVALID', { run: 'x' }],
  ['OPTION_INVALID', { input: {} }],
  ['OPTION_INVALID', { timeout: '99ms' }],
  ['OPTION_INVALID', { timeout: 'for ever' }],
  ['OPTION_INVALID', { claimWithin: '11 years' }],
  ['OPTION_INVALID', { snoozesMax: -1 }],
  ['OPTION_INVALID', { retry: { attempts: 0 } }],
  ['ISOLATE_INVALID', { isolate: true }],
])('%s: %j', ([code, change]) => {
  expect(() => defineJob({ ...good, ...change })).toThrow(expect.objectContaining({ code }));
});

test('the definitions of a module are found alone and in lists, each once', () => {
  const mail = defineJob(good);
  const other = defineJob({ ...good, type: 'other' });
  expect(findDefinitions({ mail, jobs: [mail, other], text: 'x', nothing: null })).toEqual([
    mail,
    other,
  ]);
});
