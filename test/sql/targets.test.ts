// What several processes note of one target at once is noted by each, one after another, whatever it was and becomes.
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { namesOf, type Statement } from '../../src/sql/sql.ts';
import {
  holdTarget,
  noteAnswered,
  noteFailed,
  probeAnswered,
  probeFailed,
  takeProbes,
} from '../../src/sql/targets.ts';
import { makeTarget } from '../engine/targets/support/rows.ts';
import { eventually, type Setup, setup } from '../support/unstuck.ts';

const NOTES: readonly (readonly [Statement<unknown>, readonly unknown[]])[] = [
  [noteAnswered, ['g']],
  [noteFailed, ['g', '00000000-0000-7000-8000-000000000000', '1', '{}', true]],
  [holdTarget, ['g', 60_000, '{}']],
  [takeProbes, [1]],
  [probeAnswered, ['g', 1]],
  [probeFailed, ['g', 1, '{}']],
];

const STANDS = {
  up: `state = 'up', down_since = null, next_probe_at = null`,
  down: `state = 'down', down_since = now() - interval '5 minutes', next_probe_at = now()`,
  'half-open': `state = 'half-open', down_since = now() - interval '5 minutes', next_probe_at = now()`,
};

test.for(Object.entries(STANDS))(
  'what two note at once of a target that is %s is noted by both',
  async ([, stands]) => {
    const all = await setup({ sweep: false });
    await makeTarget(all.query, 'g', 't');
    const [first, second] = [await all.session(), await all.session()];
    for (const [one, values] of NOTES)
      for (const [other, more] of NOTES) {
        await all.query(
          `update unstuck.targets set ${stands}, probes = 1, failures_max = 1, failures = 0`,
        );
        await first.query('begin');
        await run(first, one, values);
        const noted = run(second, other, more);
        await settledOrWaiting(all, noted);
        await first.query('commit');
        expect(await noted, `${other.name} beside ${one.name}`).toBeGreaterThanOrEqual(0);
      }
  },
);

async function run(
  session: Client,
  statement: Statement<unknown>,
  values: readonly unknown[],
): Promise<number> {
  const { rows } = await session.query(statement.build(namesOf('unstuck')).text, [...values]);
  return rows.length;
}

/** Resolves when a statement has ended, or waits for the lock of another. */
async function settledOrWaiting({ query }: Setup, noted: Promise<unknown>): Promise<void> {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  noted.then(settle, settle);
  await eventually(
    async () =>
      isSettled ||
      (
        await query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        )
      ).length > 0,
    'it waits or has ended',
  );
}
