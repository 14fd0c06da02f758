// An installation in which there is one of everything, and nobody who works: what requests are fired at.
import { z } from 'zod';
import { defineFanOut } from '../../../src/domain/define-fan-out.ts';
import { defineJob } from '../../../src/domain/define-job.ts';
import { defineQueue } from '../../../src/domain/define-queue.ts';
import { createHandler, type Handler, type HandlerOptions } from '../../../src/http/index.ts';
import { eventually, type Setup, setup } from '../../support/unstuck.ts';
import type { Known } from './arbitrary.ts';

/** The installation, its handler, and the names of what is there. */
export interface World extends Setup {
  readonly handle: Handler;
  /** Reads what is there now, by the names of the fields that take it. */
  readonly known: () => Promise<Known>;
  /** What every row of the database amounts to, but those that beat by themselves. */
  readonly digest: () => Promise<string>;
}

const demo = defineJob({
  type: 'demo',
  input: z.unknown(),
  queue: defineQueue({ name: 'mail' }),
  run: () => 'done',
});
const broken = defineJob({
  type: 'broken',
  input: z.unknown(),
  retry: { attempts: 1 },
  run: () => {
    throw new Error('broken as rehearsed');
  },
});
const ask = defineJob({
  type: 'ask',
  input: z.object({ region: z.string(), model: z.string() }),
  retry: { attempts: 1 },
  run: ({ input }) => input.model,
});
const matrix = defineFanOut({
  type: 'matrix',
  input: z.unknown(),
  executions: {
    of: ask,
    plan: () => ({ region: ['eu', 'us'], model: ['a', 'b'] }),
    input: (cell: { region: string; model: string }) => cell,
  },
});

/** Makes one. */
export async function world(options: HandlerOptions = {}): Promise<World> {
  const all = await setup({ sweep: false });
  await past(all);
  await present(all);
  return {
    ...all,
    handle: createHandler(all.unstuck, { jobs: [demo, ask], token: ROOT, ...options }),
    known: () => known(all),
    digest: await digester(all),
  };
}

/** The token that may do everything. */
export const ROOT = 'root-token-of-the-tests';

async function past({ connect }: Setup): Promise<void> {
  const working = await connect();
  await working.work([demo, broken, ask, matrix]);
  const enqueued = await Promise.all([
    working.enqueue(demo, { n: 1 }),
    working.enqueue(broken, {}),
    working.enqueue(matrix, {}),
  ]);
  await Promise.all(enqueued.map(({ id }) => working.wait(id, { timeout: '20s' })));
  await working.close();
}

async function present({ unstuck, query }: Setup): Promise<void> {
  await unstuck.pools.set('acme', { capacity: 2 });
  await unstuck.limits.set('api', { running: 1 });
  const later = new Date(Date.now() + 3_600_000);
  const slot = { slot: 'acme', whenFull: 'wait' as const };
  await Promise.all([
    unstuck.enqueue('demo', {}, { tags: ['a'], key: 'k1' }),
    unstuck.enqueue('demo', {}, { hold: true }),
    unstuck.enqueue('other', 'ä', { runAt: later }),
    unstuck.enqueue('slotted', 1, slot),
    unstuck.enqueue('slotted', 2, slot),
    unstuck.enqueue('slotted', 3, slot),
    unstuck.enqueue('limited', 1, { limit: 'api' }),
    unstuck.enqueue('limited', 2, { limit: 'api' }),
  ]);
  const told = await unstuck.enqueue('told', 1, { notify: { email: 'ada@example.com' } });
  await unstuck.cancel(told.id);
  await query(
    `update unstuck.deliveries set state = 'failed', failed_at = now(), next_at = null, leased_until = null`,
  );
  const waiting = `select from unstuck.jobs where type = 'limited' and waits_for = 'limit'`;
  await eventually(async () => (await query(waiting)).length === 1, 'the first is let in');
  await unstuck.schedules.set('nightly', { type: 'demo', input: {}, cron: '30 2 * * *' });
  await unstuck.queues.pauseType('broken', { reason: 'rehearsal' });
}

async function known({ query }: Setup): Promise<Known> {
  const [row] = await query<Record<string, string[] | null>>(`select
      (select array_agg(id::text) from (select id from unstuck.all_jobs union all select id from unstuck.deliveries) as ids) as id,
      (select array_agg(distinct type) from unstuck.all_jobs) as type,
      (select array_agg(distinct parent_id::text) from unstuck.all_jobs where parent_id is not null) as parent_id,
      (select array_agg(key) from unstuck.pools) as pool,
      (select array_agg(name) from unstuck.schedules) as schedule,
      (select array_agg(name) from unstuck.limits) as limits`);
  // Everything of a kind may have been deleted by now.
  const there = (kind: string): readonly string[] => row?.[kind] ?? [];
  const [pool, parents] = [there('pool'), there('parent_id')];
  const name = [...pool, ...there('schedule'), ...there('limits'), 'mail'];
  const [id, type] = [there('id'), there('type')];
  return { id, type, parent_id: parents, pool, slot: pool, name, key: name, queue: ['mail'] };
}

/** Workers beat and ticks pass, and when a token was last used is no change; nor is `version`, by which a pool is locked. */
const VOLATILE = ['workers', 'ticks', 'claims', 'tokens', 'sessions', 'findings'];

/** Asked before and after every request: prepared, or planning it would take longer than all else. */
async function digester({ query, session }: Setup): Promise<() => Promise<string>> {
  const tables = await query<{ name: string }>(
    `select c.relname as name from pg_class c
      where c.relnamespace = 'unstuck'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> all($1)
      order by 1`,
    [VOLATILE],
  );
  const parts = tables.map(
    ({ name }) =>
      `select '${name}' as name, md5(coalesce(string_agg(r, '|' order by r), '')) as sum from (select (to_jsonb(t) - 'version')::text as r from unstuck."${name}" t) rows`,
  );
  const text = parts.join(' union all ');
  const client = await session();
  return async () => {
    const { rows } = await client.query<{ name: string; sum: string }>({ name: 'digest', text });
    return rows
      .map(({ name, sum }) => `${name} ${sum}`)
      .toSorted()
      .join('\n');
  };
}
