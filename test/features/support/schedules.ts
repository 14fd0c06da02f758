// What tests of schedules share: a clock that stands still, sweeps that run when told, and the nominal times of the jobs that are there.

import { Enqueuer } from '../../../src/engine/enqueuer.ts';
import { type ChoreRound, Sweeper } from '../../../src/engine/sweeper.ts';
import { fireDue } from '../../../src/features/schedules/fire.ts';
import type { Database } from '../../../src/storage/database.ts';
import type { Setup } from '../../support/unstuck.ts';

/** Makes the database's clock show this until it is set again; it does not go on by itself. */
export async function setClock({ query }: Pick<Setup, 'query'>, at: string | Date): Promise<void> {
  await query(
    `create or replace function unstuck.clock() returns timestamptz language sql stable parallel safe
      as $$ select timestamptz '${new Date(at).toISOString()}' $$`,
  );
}

/** A process that sweeps only when its test says so, over connections of its own. */
export function sweeper(all: Setup): Sweeper {
  const { database, fire } = firing(all);
  const hooks = { ready: () => undefined, notify: () => Promise.resolve() };
  return new Sweeper(database.forSweep(), all.unstuck.log, hooks, [
    { name: 'schedules', work: 'schedules', run: fire },
  ]);
}

/** A process that only fires schedules, when its test says so. */
export function firing({ database, unstuck }: Setup): {
  readonly database: Database;
  readonly fire: (on: Database) => Promise<ChoreRound>;
} {
  const own = database({ connections: 2 });
  const enqueuer = new Enqueuer(own, unstuck.log, () => undefined);
  return { database: own, fire: (on) => fireDue(on, enqueuer, unstuck.log) };
}

/** The nominal times of the jobs of a schedule, live and ended, in their order; each as often as it has a job. */
export async function nominals({ query }: Pick<Setup, 'query'>, name: string): Promise<string[]> {
  const rows = await query<{ nominal: string }>(
    `select substr(tag, 9) as nominal from unstuck.all_jobs, unnest(tags) as tag
      where tags @> array[$1] and tag like 'nominal:%' order by 1`,
    [`schedule:${name}`],
  );
  return rows.map((row) => row.nominal);
}
