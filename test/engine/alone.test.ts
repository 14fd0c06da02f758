// A job that was lost with its worker runs by itself: one at a time, whoever asks for it.
import { expect, test } from 'vitest';
import { Alone } from '../../src/engine/alone.ts';
import type { Attempt } from '../../src/engine/attempt.ts';
import type { Claimer } from '../../src/engine/claimer.ts';
import { Roster } from '../../src/engine/roster.ts';
import type { ClaimRow } from '../../src/sql/claim.ts';
import { eventually, gate, job, setup } from '../support/unstuck.ts';

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
  const roster = new Roster(10, ['mail'], {
    ended: nothing,
    leftBehind: nothing,
    returnedLate: nothing,
  });
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const alone = new Alone(roster, log, {
    attempt: (workerId, row) =>
      ({
        workerId,
        row,
        run: () => new Promise(() => undefined),
        arm: () => undefined,
      }) as unknown as Attempt,
    release: nothing,
    claimer: () => claimer,
  });
  await Promise.all([alone.take(claimer), alone.take(claimer)]);
  expect(claims).toBe(1);
  expect(roster.refs('w')).toEqual([{ id: 'job 1', token: '1' }]);
});

test('C2: the time of a job that waited to run alone begins when it starts, not when it was claimed', async () => {
  const all = await setup({ abortGrace: '5s' });
  const free = gate();
  const neighbour = job('neighbour', () => free.promise);
  const aborted: boolean[] = [];
  const suspect = job(
    'suspect',
    async ({ signal }) => {
      // A timer whose time was over long ago fires in the next turn of the event loop.
      await new Promise((resolve) => setTimeout(resolve, 20));
      aborted.push(signal.aborted);
    },
    { timeout: '1s' },
  );
  await all.unstuck.work([neighbour, suspect], { concurrency: 2 });
  await all.unstuck.enqueue(neighbour, 1);
  const { id } = await all.unstuck.enqueue(suspect, 1, { hold: true });
  await all.query('update unstuck.jobs set crashes = 1 where id = $1', [id]);
  await all.unstuck.release(id);
  await eventually(
    async () =>
      (
        await all.query(
          `select from unstuck.claims where $1 = any (job_ids) and created_at < clock_timestamp() - interval '1.5 seconds'`,
          [id],
        )
      ).length > 0,
    'it has been held for longer than its timeout',
  );
  free.open();
  expect((await all.unstuck.wait(id, { timeout: '20s' })).state).toBe('completed');
  expect(aborted).toEqual([false]);
});
