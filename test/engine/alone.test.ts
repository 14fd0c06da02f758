// A job that was lost with its worker runs by itself: one at a time, whoever asks for it.
import { expect, test } from 'vitest';
import { Alone } from '../../src/engine/alone.ts';
import type { Attempt } from '../../src/engine/attempt.ts';
import type { Claimer } from '../../src/engine/claimer.ts';
import { Roster } from '../../src/engine/roster.ts';
import type { ClaimRow } from '../../src/sql/claim.ts';

test('two pumps that take a lost job at the same time claim one, not two of which one is forgotten', async () => {
  let claims = 0;
  const claimer = {
    workerId: 'w',
    claimAlone: async () => {
      claims += 1;
      return { id: `job ${claims}`, token: '1' } as ClaimRow;
    },
    stampAlone: async () => true,
  } as unknown as Claimer;
  const nothing = (): void => undefined;
  const roster = new Roster(10, { ended: nothing, leftBehind: nothing, returnedLate: nothing });
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const alone = new Alone(roster, log, {
    attempt: (workerId, row) =>
      ({ workerId, row, run: () => new Promise(() => undefined) }) as unknown as Attempt,
    release: nothing,
    claimer: () => claimer,
  });
  await Promise.all([alone.take(claimer), alone.take(claimer)]);
  expect(claims).toBe(1);
  expect(roster.refs('w')).toEqual([{ id: 'job 1', token: '1' }]);
});
