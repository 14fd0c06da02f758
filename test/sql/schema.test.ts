// The laws of the tables: rows that could stay stuck cannot be stored, and anybody may insert a job with plain SQL.
import { describe, expect, test } from 'vitest';
import { sharedServers } from '../support/database.ts';
import { eventually, job, type Setup, setup } from '../support/unstuck.ts';

/** Columns of a good queued row; each law spoils one thing. */
const QUEUED = {
  type: `'t'`,
  waits_for: 'null',
  wake_at: 'null',
  claim_by: 'now()',
  attempts_max: '5',
  claim_within_ms: '60000',
};
const RUNNING = {
  ...QUEUED,
  worker_id: 'gen_random_uuid()',
  token: '1',
  attempt: '1',
  started_at: 'now()',
  expires_at: 'now()',
};
const WAITING = { ...QUEUED, waits_for: `'time'`, wake_at: 'now()', claim_by: 'null' };

type Columns = Readonly<Record<string, string>>;

const insert = (query: Setup['query'], columns: Columns): Promise<unknown[]> =>
  query(
    `insert into unstuck.jobs (${Object.keys(columns).join(', ')}) values (${Object.values(columns).join(', ')})`,
  );

const UNSTORABLE: readonly (readonly [law: string, constraint: string, columns: Columns])[] = [
  ['a queued job without a deadline', 'jobs_live_has_deadline', { ...QUEUED, claim_by: 'null' }],
  ['a waiting job without a deadline', 'jobs_live_has_deadline', { ...WAITING, wake_at: 'null' }],
  [
    'a running job without a deadline',
    'jobs_live_has_deadline',
    { ...RUNNING, expires_at: 'null' },
  ],
  [
    'a queued job whose deadline never comes',
    'jobs_times_finite',
    { ...QUEUED, claim_by: `'infinity'` },
  ],
  [
    'a waiting job whose deadline never comes',
    'jobs_times_finite',
    { ...WAITING, wake_at: `'infinity'` },
  ],
  [
    'a running job whose deadline never comes',
    'jobs_times_finite',
    { ...RUNNING, expires_at: `'infinity'` },
  ],
  ['A10: a run_at that is never reached', 'jobs_times_finite', { ...QUEUED, run_at: `'infinity'` }],
  ['a finish_by of minus infinity', 'jobs_times_finite', { ...QUEUED, finish_by: `'-infinity'` }],
  [
    'a job that waits and runs',
    'jobs_live_has_deadline',
    { ...RUNNING, waits_for: `'time'`, wake_at: 'now()' },
  ],
  [
    'a job that is queued and waits for a time',
    'jobs_live_has_deadline',
    { ...QUEUED, wake_at: 'now()' },
  ],
  [
    'S4.1: a running job without a start time',
    'jobs_live_has_deadline',
    { ...RUNNING, started_at: 'null' },
  ],
  ['a running job without a token', 'jobs_live_has_deadline', { ...RUNNING, token: '0' }],
  ['a running job without an attempt', 'jobs_live_has_deadline', { ...RUNNING, attempt: '0' }],
  [
    'a job that was started but has no worker',
    'jobs_running_has_worker',
    { ...QUEUED, started_at: 'now()' },
  ],
  ['a lease without a worker', 'jobs_running_has_worker', { ...QUEUED, expires_at: 'now()' }],
  ['an unknown gate', 'jobs_gate', { ...WAITING, waits_for: `'somebody'` }],
  ['an empty gate', 'jobs_gate', { ...WAITING, waits_for: `''` }],
  ['a lane that is not in the id', 'jobs_lane_in_id', { ...QUEUED, lane: '1' }],
  [
    'an id whose lane is another',
    'jobs_lane_in_id',
    { ...QUEUED, id: 'unstuck.new_id(7::smallint)' },
  ],
  ['an admitted job without attempts', 'jobs_admitted', { ...QUEUED, attempts_max: 'null' }],
  ['an admitted job without claim_within', 'jobs_admitted', { ...QUEUED, claim_within_ms: 'null' }],
  ['no attempts at all', 'jobs_bounds', { ...QUEUED, attempts_max: '0' }],
  ['a timeout beyond ten years', 'jobs_bounds', { ...QUEUED, timeout_ms: '315360000001' }],
  ['an empty unique key', 'jobs_bounds', { ...QUEUED, unique_key: `''` }],
  ['a priority out of range', 'jobs_bounds', { ...QUEUED, rank: '1001' }],
  [
    'an attempt that a claim could not count on',
    'jobs_bounds',
    { ...QUEUED, attempt: '2147483647' },
  ],
  [
    'a token that a claim could not raise',
    'jobs_bounds',
    { ...QUEUED, token: '9223372036854775807' },
  ],
  [
    'fewer crashes than none, which no claim would take',
    'jobs_bounds',
    { ...QUEUED, crashes: '-1' },
  ],
  [
    'a lane that no claim of today looks at',
    'jobs_lanes_later',
    { ...QUEUED, id: 'unstuck.new_id(7::smallint)', lane: '7' },
  ],
  ['a type without a name', 'jobs_type', { ...QUEUED, type: `''` }],
  ['a queued job without the slot that it wants', 'jobs_slot', { ...QUEUED, wants_pool: `'p'` }],
  ['a slot of another pool', 'jobs_slot', { ...WAITING, wants_pool: `'p'`, slot_pool: `'q'` }],
  ['a slot that nobody asked for', 'jobs_slot', { ...WAITING, slot_pool: `'p'` }],
  [
    'a job that waits for a slot and has it',
    'jobs_slot',
    { ...WAITING, waits_for: `'slot'`, wants_pool: `'p'`, slot_pool: `'p'` },
  ],
  ['a wait for a slot of no pool', 'jobs_slot', { ...WAITING, waits_for: `'slot'` }],
  ['a wait at no limit', 'jobs_limit', { ...WAITING, waits_for: `'limit'` }],
  ['a job that is let in by hand', 'jobs_admission', { ...QUEUED, limit_key: `'k'` }],
  ['an execution without a place', 'jobs_parent', { ...QUEUED, parent_id: 'gen_random_uuid()' }],
  ['a place without a parent', 'jobs_parent', { ...QUEUED, ordinal: '1' }],
];

describe.for(sharedServers())('on server %s', (server) => {
  test('the three good shapes of a row can be stored', async () => {
    const { query } = await setup({ server });
    for (const columns of [QUEUED, RUNNING, WAITING]) await insert(query, columns);
    await query(`insert into unstuck.jobs (type) values ('by-hand')`);
  });

  test('a row that could stay stuck is refused by the database, by name', async () => {
    const { query } = await setup({ server });
    // Only the constraints are asked here: the trigger comes before them.
    await query(`set unstuck.admission = 'on'`);
    for (const [law, constraint, columns] of UNSTORABLE) {
      if (constraint === 'jobs_admission') await query(`set unstuck.admission = 'off'`);
      await expect(insert(query, columns), law).rejects.toMatchObject({
        code: '23514',
        constraint,
      });
      await query(`set unstuck.admission = 'on'`);
    }
    expect(await query('select from unstuck.jobs')).toHaveLength(0);
  });

  test('no update makes a good row a stuck one', async () => {
    const { query } = await setup({ server });
    await insert(query, RUNNING);
    for (const change of [
      'expires_at = null',
      'worker_id = null',
      `waits_for = 'hold'`,
      'token = 0',
    ])
      await expect(query(`update unstuck.jobs set ${change}`), change).rejects.toMatchObject({
        code: '23514',
      });
  });

  test('new_id() is a UUID of version 7 whose last byte is the lane, and ids grow with time', async () => {
    const { query } = await setup({ server });
    const rows = await query<{ id: string; lane: number }>(
      `select unstuck.new_id(lane::smallint)::text as id, lane from generate_series(0, 255) lane`,
    );
    for (const { id, lane } of rows) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(id.slice(-2), 16)).toBe(lane);
    }
    expect(new Set(rows.map((row) => row.id.slice(0, -2))).size).toBe(256);
    const [one] = await query<{ id: string }>('select unstuck.new_id()::text as id');
    const made = Number.parseInt((one?.id ?? '').replaceAll('-', '').slice(0, 12), 16);
    expect(Math.abs(made - Date.now())).toBeLessThan(60_000);
  });

  test('S1.9: a row inserted by hand runs within a second or so, with the settings of its type', async () => {
    const { unstuck, query } = await setup({ server });
    const seen: unknown[] = [];
    const byHand = job('by-hand', (running) => void seen.push(running.attemptsMax, running.input), {
      retry: { attempts: 7 },
      claimWithin: '77s',
    });
    await unstuck.work([byHand]);
    const started = performance.now();
    const [row] = await query<{ id: string }>(
      `insert into unstuck.jobs (type, input) values ('by-hand', '{"a": 1}') returning id::text`,
    );
    const done = await unstuck.wait(row?.id ?? '', { timeout: '10s' });
    expect(done.state).toBe('completed');
    expect(seen).toEqual([7, { a: 1 }]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('a row inserted by hand for later waits for its time, one whose type nobody knows gets the defaults', async () => {
    const { unstuck, query } = await setup({ server });
    unstuck.sweep();
    const [later] = await query<{ id: string }>(
      `insert into unstuck.jobs (type, run_at) values ('x', now() + interval '1 hour') returning id::text`,
    );
    const [strange] = await query<{ id: string }>(
      `insert into unstuck.jobs (type) values ('nobody knows') returning id::text`,
    );
    const found = async (id: string | undefined, waitsFor: string) =>
      eventually(async () => {
        const one = await unstuck.get(id ?? '');
        return one?.waitsFor === waitsFor && one;
      }, `${id} waits for ${waitsFor}`);
    expect((await found(later?.id, 'time')).deadline).toEqual(
      (await found(later?.id, 'time')).runAt,
    );
    expect(await found(strange?.id, 'worker')).toMatchObject({ state: 'queued', attemptsMax: 5 });
  });
});

describe('select unstuck.enqueue() from plain SQL', () => {
  test('stores a job with all it was given, and answers its id', async () => {
    const { unstuck, query } = await setup();
    const [row] = await query<{ id: string }>(
      `select unstuck.enqueue('mail', '{"to": "a"}', priority => 3, key => 'k', tags => '{x,y}',
        run_at => '2030-01-01', finish_by => '2031-01-01')::text as id`,
    );
    expect(await unstuck.get(row?.id ?? '')).toMatchObject({
      type: 'mail',
      input: { to: 'a' },
      priority: 3,
      key: 'k',
      tags: ['x', 'y'],
      runAt: new Date('2030-01-01'),
      finishBy: new Date('2031-01-01'),
      state: 'pending',
      waitsFor: 'admit',
    });
  });

  test('a key that a live job has answers with that job', async () => {
    const { query } = await setup();
    const call = `select unstuck.enqueue('mail', key => 'same')::text as id`;
    const [one] = await query<{ id: string }>(call);
    const [two] = await query<{ id: string }>(call);
    expect(two?.id).toBe(one?.id);
    expect(await query('select from unstuck.jobs')).toHaveLength(1);
  });

  test('A3: a key held by an open transaction is waited for, and its rollback frees it', async () => {
    const { query, session } = await setup();
    const other = await session();
    await other.query('begin');
    await other.query(`select unstuck.enqueue('mail', key => 'same')`);
    const mine = query<{ id: string }>(`select unstuck.enqueue('mail', key => 'same')::text as id`);
    await other.query('rollback');
    const [row] = await mine;
    expect(await query('select id::text from unstuck.jobs')).toEqual([{ id: row?.id }]);
  });

  test('a rollback leaves nothing, and a bad value is refused', async () => {
    const { query } = await setup();
    await query('begin');
    await query(`select unstuck.enqueue('mail')`);
    await query('rollback');
    await expect(query(`select unstuck.enqueue('')`)).rejects.toMatchObject({ code: '23514' });
    await expect(query(`select unstuck.enqueue('x', priority => 5000)`)).rejects.toMatchObject({
      code: '23514',
    });
    expect(await query('select from unstuck.jobs')).toHaveLength(0);
  });
});

describe('a claim is a HOT update', () => {
  /** What a claim writes, so that these must be in no index and no index predicate. */
  const CLAIM_COLUMNS = ['worker_id', 'token', 'attempt', 'started_at', 'expires_at', 'updated_at'];

  test('no index contains a column that a claim writes, in its keys or its predicate', async () => {
    const { query } = await setup();
    const indexes = await query<{ name: string; text: string }>(
      `select c.relname as name, pg_get_indexdef(i.indexrelid) as text from pg_index i
        join pg_class c on c.oid = i.indexrelid where i.indrelid = 'unstuck.jobs'::regclass`,
    );
    expect(indexes.length).toBeGreaterThan(3);
    for (const { name, text } of indexes)
      for (const column of CLAIM_COLUMNS)
        expect(new RegExp(`\\b${column}\\b`).test(text), `${name} has ${column}: ${text}`).toBe(
          false,
        );
  });

  test('claiming 2,000 jobs moves none of them in any index', async () => {
    const { unstuck, query } = await setup({ sweep: false });
    const count = 2_000;
    const held = job('held', () => new Promise(() => undefined));
    await unstuck.enqueueMany(
      held,
      Array.from({ length: count }, (_, n) => ({ input: { n, text: 'x'.repeat(200) } })),
    );
    const stats = async () =>
      (
        await query<{ updates: number; hot: number }>(
          `select n_tup_upd::int as updates, n_tup_hot_upd::int as hot from pg_stat_user_tables
            where schemaname = 'unstuck' and relname = 'jobs'`,
        )
      )[0];
    await unstuck.work([held], { concurrency: count });
    const done = await eventually(async () => {
      await query('select pg_stat_clear_snapshot()');
      const now = await stats();
      return now !== undefined && now.updates >= count && now;
    }, `${count} claims in the statistics`);
    expect(done.hot).toBe(done.updates);
  });
});
