// What sessions do in the interleavings of links, the rows that they start from, and the judges of what came out.
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { AWAITED } from '../../src/engine/decide.ts';
import { deferRow, endColumns } from '../../src/engine/settle-rows.ts';
import { cancelJob } from '../../src/sql/admin.ts';
import { claimJobs } from '../../src/sql/claim.ts';
import { goOn, storeJobs } from '../../src/sql/links.ts';
import { setPool } from '../../src/sql/pools.ts';
import { deferJobs, finishLinked } from '../../src/sql/settle.ts';
import type { Session } from './sessions.ts';

/** What happened in one order. */
export class Outcome {
  /** The names of jobs that were stored. */
  readonly created = new Set<string>();
  /** Types that were told to be ready, once for each time. */
  readonly ready: string[] = [];
  /** Whether a parent was let on while an execution was live. */
  isEarly = false;
  /** Whether a sweep has looked. */
  isSwept = false;
  readonly order: readonly string[];

  constructor(order: readonly string[]) {
    this.order = order;
  }

  isBefore(step: string, other: string): boolean {
    return this.order.indexOf(step) < this.order.indexOf(other);
  }
}

/** One step of one session. */
export type Act = (session: Session, outcome: Outcome) => Promise<unknown>;

const WANTED = JSON.stringify([{ type: 'plain', timeout_ms: 60_000, rank: -100_000, seq: '-1' }]);

/** In a transaction that `commit` ends. */
const inTransaction =
  (act: Act): Act =>
  (session, outcome) =>
    session.begin().then(() => act(session, outcome));

export const commit: Act = (session) => session.commit();

/** Ends an attempt of a worker. */
export const finish = (worker: string, id: string): Act =>
  inTransaction((session) =>
    session.run(finishLinked, [worker, ...endColumns([{ id, token: '1' }])]),
  );

/** Lets a running parent wait for its executions. */
export const awaitExecutions = (worker: string, id: string): Act =>
  inTransaction((session) =>
    session.run(deferJobs, [worker, JSON.stringify([deferRow({ id, token: '1' }, AWAITED)])]),
  );

const LEFT_BEHIND = `select from unstuck.jobs p where p.type = 'fan' and p.waits_for is null and p.worker_id is null
  and exists (select from unstuck.jobs c where c.parent_id = p.id)`;

/** Lets on whoever waits, in a statement of its own. */
export const letOn =
  (of: { readonly parents?: string[]; readonly pools?: string[]; readonly keys?: string[] }): Act =>
  async (session, outcome) => {
    const { parents = [], pools = [], keys = [] } = of;
    for (const row of await session.run(goOn, [parents, pools, keys, false]))
      if (row.kind === 'ready') outcome.ready.push(row.name);
    const { rows } = await session.client.query(LEFT_BEHIND);
    if (rows.length > 0) outcome.isEarly = true;
  };

/** The same, with its locks held until `commit`. */
export const letOnSlowly = (of: Parameters<typeof letOn>[0]): Act => inTransaction(letOn(of));

/** Stores a job that wants a slot of the pool `p`. */
export async function storeOne(session: Session, whenFull: 'refuse' | 'wait'): Promise<string> {
  const job = {
    place: 1,
    id: `${randomUUID().slice(0, -2)}00`, // The last byte is the lane.
    type: 'plain',
    input: {},
    pool: 'p',
    when_full: whenFull,
  };
  const values = [JSON.stringify([job]), 300_000, 5, null, null, null, null, null];
  const [row] = await session.run(storeJobs, values);
  return row?.answer ?? '';
}

export const store = (name: string, whenFull: 'refuse' | 'wait'): Act =>
  inTransaction(async (session, outcome) => {
    if ((await storeOne(session, whenFull)) === 'created') outcome.created.add(name);
  });

export const setCapacity = (capacity: number): Act =>
  inTransaction((session) => session.run(setPool, ['p', capacity]));

export const cancel = (id: string): Act =>
  inTransaction((session) => session.run(cancelJob, [id, 'test', null]));

export const claim = (worker: string): Act =>
  inTransaction((session) => session.run(claimJobs, [worker, randomUUID(), WANTED, 3]));

/** What a row is to be. */
interface Row {
  readonly type?: string;
  readonly gate?: string;
  /** Who runs it, under token 1. */
  readonly worker?: string;
  readonly parent?: string;
  readonly ordinal?: number;
  readonly pool?: string;
  readonly limit?: string;
}

/** Stores a job as if it had come that far; returns its id. */
export async function insertJob(client: Client, row: Row): Promise<string> {
  const { type = 'plain', gate, worker, parent, ordinal, pool, limit } = row;
  await client.query(`select set_config('unstuck.admission', 'on', false)`);
  const { rows } = await client.query<{ id: string }>(
    `insert into unstuck.jobs (type, waits_for, wake_at, claim_by, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms,
       parent_id, ordinal, wants_pool, slot_pool, limit_key)
     values ($1, $2::text, case when $2::text is not null then now() + interval '1 hour' end,
       case when $2::text is null and $3::uuid is null then now() + interval '1 hour' end,
       $3::uuid, 1, 1, case when $3::uuid is not null then now() end, case when $3::uuid is not null then now() + interval '1 hour' end, 5, 300000,
       $4, $5, $6::text, $6::text, $7) returning id::text`,
    [type, gate, worker, parent, ordinal, pool, limit],
  );
  return rows[0]?.id ?? '';
}

/** A parent whose executions have all ended is in the queue, and was let on once. */
export async function judgeParent(outcome: Outcome, client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ waits_for: string | null; runs: boolean }>(
    `select waits_for, worker_id is not null as runs from unstuck.jobs where type = 'fan'`,
  );
  if (outcome.isEarly) return 'the parent was let on while an execution was live';
  const times = outcome.ready.filter((type) => type === 'fan').length;
  if (rows.length !== 1 || rows[0]?.runs) return 'the parent is not waiting any more';
  if (rows[0]?.waits_for !== null) return `the parent waits for ${rows[0]?.waits_for}`;
  return times === 1 ? undefined : `the parent was let on ${times} times`;
}

/** Never more holders than slots; after a sweep nobody waits while there is room. */
export async function judgePool(
  { isSwept }: Outcome,
  client: Client,
  slots: number,
): Promise<string | undefined> {
  const { rows } = await client.query<{ held: number; waiting: number; capacity: number }>(
    `select (select count(*)::integer from unstuck.jobs where slot_pool = 'p') as held,
       (select count(*)::integer from unstuck.jobs where waits_for = 'slot') as waiting, capacity from unstuck.pools`,
  );
  const { held = 0, waiting = 0, capacity = 0 } = rows[0] ?? {};
  if (held > slots) return `${held} hold one of ${slots} slots`;
  return isSwept && waiting > 0 && held < capacity
    ? `${waiting} wait although ${held} of ${capacity} slots are held`
    : undefined;
}

/** Never two at a limit of 1; after a sweep never none while somebody waits. */
export async function judgeLimit(
  { isSwept }: Outcome,
  client: Client,
): Promise<string | undefined> {
  const { rows } = await client.query<{ placed: number; waiting: number }>(
    `select count(*) filter (where waits_for is null)::integer as placed, count(*) filter (where waits_for = 'limit')::integer as waiting
     from unstuck.jobs`,
  );
  const { placed = 0, waiting = 0 } = rows[0] ?? {};
  if (placed > 1) return `${placed} are placed at a limit of 1`;
  return isSwept && placed === 0 && waiting > 0 ? `${waiting} wait and nobody runs` : undefined;
}
