// The laws of what the answer of a target means: nothing that it says makes us throw, and only its own echo of an attempt ends it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Arrived, inTurn, judge } from '../../src/domain/dispatch.ts';

const FENCE = { id: '01890000-0000-7000-8000-000000000000', token: '7' };
const NOW = Date.UTC(2030, 0, 1);

const answer = (status: number, body: unknown, retryAfter?: string): Arrived => ({
  kind: 'answer',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  retryAfter,
});
const meant = (arrived: Arrived, asked = false): unknown => judge(arrived, FENCE, asked, NOW);

const told = fc.record(
  {
    id: fc.oneof(fc.constant(FENCE.id), fc.json()),
    token: fc.oneof(
      fc.constantFrom<unknown>('7', 7, ['7'], { toString: 1, valueOf: 1 }),
      fc.jsonValue(),
    ),
    status: fc.oneof(
      fc.constantFrom('completed', 'failed', 'accepted', 'running', 'unknown'),
      fc.jsonValue(),
    ),
    result: fc.jsonValue(),
    error: fc.jsonValue(),
    retry: fc.jsonValue(),
    progress: fc.jsonValue(),
    note: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  told.map((value) => JSON.stringify(value)),
);
const arrived: fc.Arbitrary<Arrived> = fc.oneof(
  fc.record({
    kind: fc.constant('answer' as const),
    status: fc.oneof(fc.constantFrom(200, 202, 400, 404, 410, 422, 429, 500, 503), fc.integer()),
    body,
    retryAfter: fc.option(fc.oneof(fc.string(), fc.nat().map(String), fc.date().map(String)), {
      nil: undefined,
    }),
  }),
  fc.record({
    kind: fc.constant('failed' as const),
    phase: fc.constantFrom('refused' as const, 'connect' as const, 'answer' as const),
    code: fc.string(),
    message: fc.string(),
  }),
);

test('N4: whatever comes, it means something; only an echo of id and token in a 2xx completes, accepts or fails as the target says', () => {
  fc.assert(
    fc.property(arrived, fc.boolean(), (came, asked) => {
      const verdict = judge(came, FENCE, asked, NOW);
      if (verdict.kind === 'busy') {
        expect(verdict.waitMs).toBeGreaterThanOrEqual(1_000);
        expect(verdict.waitMs).toBeLessThanOrEqual(3_600_000);
      }
      const isSaid =
        ['completed', 'accepted'].includes(verdict.kind) ||
        (verdict.kind === 'failed' && verdict.error.code !== 'TARGET_REJECTED');
      if (!isSaid) return;
      if (came.kind !== 'answer') throw new Error('a failure was taken for an answer');
      expect(Math.floor(came.status / 100)).toBe(2);
      const echo = JSON.parse(came.body) as Record<string, unknown>;
      expect([echo['id'], String(echo['token'])]).toEqual([FENCE.id, FENCE.token]);
    }),
    { numRuns: 5_000 },
  );
});

test('a status, by what it means for a job that is sent and for one that is asked about', () => {
  const echo = { id: FENCE.id, token: 7 };
  const cases: readonly (readonly [Arrived, string, string])[] = [
    [answer(200, { ...echo, status: 'completed' }), 'completed', 'completed'],
    [answer(202, { ...echo, status: 'running' }), 'accepted', 'accepted'],
    [answer(200, { ...echo, status: 'failed' }), 'failed', 'failed'],
    [answer(200, { ...echo, status: 'unknown' }), 'unknown', 'unknown'],
    [answer(200, { ...echo, status: 'done' }), 'unclear', 'unclear'],
    [answer(200, { ...echo, token: 8, status: 'completed' }), 'unclear', 'unclear'],
    [answer(200, '<html>'), 'unclear', 'unclear'],
    [answer(202, ''), 'unclear', 'unclear'],
    [answer(301, ''), 'unclear', 'unclear'],
    [answer(400, 'no'), 'failed', 'unclear'],
    [answer(401, ''), 'unclear', 'unclear'],
    [answer(404, ''), 'unclear', 'unknown'],
    [answer(422, 'no'), 'failed', 'unclear'],
    [answer(429, ''), 'busy', 'busy'],
    [answer(500, { ...echo, status: 'completed' }), 'unclear', 'unclear'],
    [answer(502, ''), 'unclear', 'unclear'],
    [answer(503, ''), 'unclear', 'unclear'],
    [answer(503, '', '7'), 'busy', 'busy'],
  ];
  for (const [came, sent, asked] of cases)
    expect([meant(came), meant(came, true)], JSON.stringify(came)).toMatchObject([
      { kind: sent },
      { kind: asked },
    ]);
});

test('N8: Retry-After is read in seconds and as a date, within a second and an hour', () => {
  const wait = (value?: string): unknown =>
    (meant(answer(429, '', value)) as { readonly waitMs: number }).waitMs;
  expect(wait('7')).toBe(7_000);
  expect(wait(new Date(NOW + 90_000).toUTCString())).toBe(90_000);
  expect(wait('0')).toBe(1_000);
  expect(wait(new Date(NOW - 90_000).toUTCString())).toBe(1_000);
  expect(wait('999999999')).toBe(3_600_000);
  expect([wait(), wait('soon'), wait('1.5e3')]).toEqual([5_000, 5_000, 5_000]);
});

test('a request that was refused by a rule or made no connection was certainly not received; any other may have been', () => {
  const failed = (phase: 'refused' | 'connect' | 'answer'): unknown =>
    meant({ kind: 'failed', phase, code: 'X', message: 'x' });
  expect([failed('refused'), failed('connect'), failed('answer')]).toMatchObject([
    { kind: 'unreachable' },
    { kind: 'unreachable' },
    { kind: 'unclear' },
  ]);
});

test('targets take turns by the number of jobs that were sent, and those that take none are left out', () => {
  const rows = ['a', 'b', 'c'].map((name) => ({ name, usable: name !== 'b' }));
  const names = (pick: 'fallback' | 'round-robin', turn: number): string[] =>
    inTurn({ names: ['a', 'b', 'c'], pick, known: [] }, rows, {
      turn,
      attempt: 1,
      attemptsMax: 5,
    }).map(({ name }) => name);
  expect([0, 1, 2, 3].map((turn) => names('round-robin', turn))).toEqual([
    ['a', 'c'],
    ['c', 'a'],
    ['a', 'c'],
    ['c', 'a'],
  ]);
  expect(names('fallback', 5)).toEqual(['a', 'c']);
});

test('S4.6: the attempts of a job are shared out among its targets in their order', () => {
  const first = (names: readonly string[], attempt: number, attemptsMax: number): unknown => {
    const rows = names.map((name) => ({ name, usable: true }));
    const at = { turn: 7, attempt, attemptsMax };
    return inTurn({ names, pick: 'fallback', known: [] }, rows, at)[0]?.name;
  };
  const of = (names: readonly string[], attemptsMax: number): unknown[] =>
    Array.from({ length: attemptsMax }, (_, index) => first(names, index + 1, attemptsMax));
  expect(of(['a'], 3)).toEqual(['a', 'a', 'a']);
  expect(of(['a', 'b'], 5)).toEqual(['a', 'a', 'a', 'b', 'b']);
  expect(of(['a', 'b', 'c'], 3)).toEqual(['a', 'b', 'c']);
  expect(of(['a', 'b'], 1)).toEqual(['a']);
  // More than there should be, as after a retry by hand.
  expect(first(['a', 'b'], 9, 5)).toBe('b');
});

test('a number in a result that cannot be kept exactly fails the job, and becomes no other in silence', () => {
  const completed = (result: string): string =>
    `{"id":"${FENCE.id}","token":"${FENCE.token}","status":"completed","result":${result}}`;
  const verdict = (result: string): unknown =>
    judge(
      { kind: 'answer', status: 200, body: completed(result), retryAfter: undefined },
      FENCE,
      false,
      0,
    );
  expect(verdict('9007199254740993')).toMatchObject({
    kind: 'failed',
    retry: false,
    error: { code: 'RESULT_UNSTORABLE' },
  });
  expect(verdict('9007199254740991')).toEqual({ kind: 'completed', result: 9007199254740991 });
});
