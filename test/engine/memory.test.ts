// What a job leaves behind in memory: nothing that waits for a collection of old objects, which cost a busy worker a third of its time.
import { expect, test } from 'vitest';
import { Attempt } from '../../src/engine/attempt.ts';
import { runningJob } from '../../src/engine/running-job.ts';
import { sql, statement } from '../../src/sql/sql.ts';
import { Members } from '../../src/std/members.ts';
import { keptBytes } from '../support/kept.ts';
import { job, setup } from '../support/unstuck.ts';

const ROWS = 500;
/** Of 500 rows of 300 bytes or more. */
const LITTLE = 60_000;

const input = (n: number): unknown => ({ n, pad: `a text of its own: ${'x'.repeat(100)}${n}` });

test('the rows and the parameters of a statement are kept no longer than its caller keeps them', async () => {
  const database = (await setup({ sweep: false })).database();
  const rows = statement<{ id: string }>(
    'test-rows',
    () => sql`select g::text as id, repeat('x', 100) || g as text, $1::text as given
      from generate_series(1, 500) g`,
  );
  let count = 0;
  const kept = await keptBytes(async () => {
    count += (await database.run(rows, [`${'y'.repeat(50)}${Math.random()}`])).length;
  });
  expect(count).toBe(11 * ROWS);
  expect(kept).toBeLessThan(LITTLE);
});

test('what a handler is given is kept no longer than the handler keeps it', async () => {
  const definition = job('plain', () => undefined);
  const lent = {
    log: console as never,
    heartbeat: () => ({}) as never,
    transaction: () => ({}) as never,
  };
  let last = '';
  const kept = await keptBytes(() => {
    for (let n = 0; n < ROWS; n += 1) {
      const row = { id: `${n}`, token: '1', type: 'plain', attempts_max: 1 } as never;
      const attempt = new Attempt('w', row, definition as never, { timeoutMs: 1 } as never);
      last = runningJob(attempt, input(n), lent).id;
    }
  });
  expect(last).toBe(`${ROWS - 1}`);
  expect(kept).toBeLessThan(LITTLE);
});

test('members that have gone are kept no longer, however many come and go', async () => {
  const members = new Members<{ place: number; text: unknown }>();
  const kept = await keptBytes(() => {
    const some = Array.from({ length: ROWS }, (_, n) => ({ place: -1, text: input(n) }));
    for (const one of some) members.add(one);
    for (const one of some) members.delete(one);
  });
  expect(kept).toBeLessThan(LITTLE);
});
