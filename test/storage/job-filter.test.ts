// The laws of lists: a filter gives exactly the jobs that fit it, pages lose and repeat none, and what cannot fit is not read.
import { expect, test } from 'vitest';
import type { Job } from '../../src/domain/job.ts';
import type { JobFilter } from '../../src/domain/job-filter.ts';
import { STATES } from '../../src/domain/transitions.ts';
import { listJobs, selectJobs } from '../../src/sql/job-filter.ts';
import { engineSettings } from '../../src/sql/session.ts';
import { namesOf } from '../../src/sql/sql.ts';
import type { Unstuck } from '../../src/unstuck.ts';
import { type Random, seeded } from '../chaos/random.ts';
import { job, type Setup, setup } from '../support/unstuck.ts';

const JOBS = 240;
const FILTERS = 150;
const TYPES = ['mail', 'resize', 'report', 'elsewhere'];
const QUEUES: Readonly<Record<string, string>> = { mail: 'quick', resize: 'slow', report: 'quick' };
const TAGS = ['red', 'green', 'blue'];
const CODES = ['BAD_ADDRESS', 'NO_SPACE'];
const KEYS = Array.from({ length: 40 }, (_, n) => `key ${n}`);
const HOUR_MS = 3_600_000;
const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';

function aSeed(): number {
  const seed = Number(process.env['UNSTUCK_TEST_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
  process.stdout.write(`filters: UNSTUCK_TEST_SEED=${seed}\n`);
  return seed;
}

/** Stores jobs of every state, type, tag and age by hand; the days before yesterday have no partition, so hours must do. */
async function store({ query, unstuck }: Setup, random: Random): Promise<void> {
  await unstuck.enqueue('mail', 0); // Makes the types known below have a table to stand in.
  await query('delete from unstuck.jobs');
  for (const queue of new Set(Object.values(QUEUES)))
    await query(`insert into unstuck.queues (name) values ($1)`, [queue]);
  for (const [type, queue] of Object.entries(QUEUES))
    await query(
      `insert into unstuck.job_types (type, queue, timeout_ms, claim_within_ms, attempts_max, backoff_base_ms, backoff_max_ms, defined_at)
       values ($1, $2, 60000, 60000, 5, 1000, 60000, now()) on conflict (type) do update set queue = excluded.queue`,
      [type, queue],
    );
  const keys = random.shuffled(KEYS);
  for (let n = 0; n < JOBS; n += 1) {
    const state = random.pick(STATES);
    const error = random.between(0, 2) === 0 ? null : { code: random.pick(CODES), message: 'x' };
    const createdMs = random.between(2, 20) * HOUR_MS;
    const own = {
      type: random.pick(TYPES),
      tags: TAGS.filter(() => random.between(0, 2) === 0),
      unique_key: random.between(0, 5) === 0 ? (keys.pop() ?? null) : null,
      created_at: new Date(Date.now() - createdMs),
      error: error === null ? null : JSON.stringify(error),
    };
    if (state === 'completed' || state === 'failed' || state === 'cancelled')
      await insert(query, 'finished', {
        ...own,
        id: await anId(query),
        seq: n,
        lane: 0,
        rank: 0,
        input: '{}',
        token: 1,
        attempt: 1,
        crashes: 0,
        snoozes: 0,
        state,
        finished_at: new Date(Date.now() - random.between(0, createdMs / HOUR_MS) * HOUR_MS),
      });
    else
      await insert(query, 'jobs', {
        ...own,
        attempts_max: 5,
        claim_within_ms: 60_000,
        ...liveColumns(state, new Date(Date.now() + random.pick([-1, 1]) * HOUR_MS)),
      });
  }
}

function liveColumns(state: 'pending' | 'queued' | 'running', deadline: Date): object {
  if (state === 'pending') return { waits_for: 'time', wake_at: deadline };
  if (state === 'queued') return { waits_for: null, wake_at: null, claim_by: deadline };
  return {
    waits_for: null,
    wake_at: null,
    claim_by: new Date(),
    worker_id: NOBODY,
    token: 1,
    attempt: 1,
    started_at: new Date(),
    expires_at: deadline,
  };
}

async function anId(query: Setup['query']): Promise<string> {
  return (await query<{ id: string }>('select unstuck.new_id() as id'))[0]?.id ?? '';
}

async function insert(query: Setup['query'], table: string, row: object): Promise<void> {
  const names = Object.keys(row);
  await query(
    `insert into unstuck.${table} (${names.join(', ')}) values (${names.map((_, n) => `$${n + 1}`).join(', ')})`,
    Object.values(row),
  );
}

/** A filter of one to four random conditions. */
function aFilter(random: Random, jobs: readonly Job[]): JobFilter {
  const instant = (): Date => new Date(Date.now() - random.between(0, 22) * HOUR_MS);
  const conditions: readonly (() => JobFilter)[] = [
    () => ({ state: random.pick(STATES) }),
    () => ({ state: random.shuffled(STATES).slice(0, random.between(1, 6)) }),
    () => ({ type: random.pick([...TYPES, 'unknown']) }),
    () => ({ queue: random.pick(['quick', 'slow', 'none']) }),
    () => ({ tag: random.pick([...TAGS, 'none']) }),
    () => ({ key: random.pick(KEYS) }),
    () => ({ errorCode: random.pick([...CODES, 'NONE']) }),
    () => ({ late: random.pick([true, false]) }),
    () => ({ createdAfter: instant() }),
    () => ({ createdBefore: instant() }),
    () => ({ finishedAfter: instant() }),
    () => ({ finishedBefore: instant() }),
    () => ({
      ids: random
        .shuffled(jobs)
        .slice(0, random.between(1, 60))
        .map(({ id }) => id),
    }),
  ];
  const chosen = random.shuffled(conditions).slice(0, random.between(0, 4));
  return Object.assign({}, ...chosen.map((make) => make()));
}

/** The same filter, over all jobs in memory. */
function fits(filter: JobFilter, one: Job): boolean {
  const { state, type, queue, tag, key, errorCode, late, ids } = filter;
  const { createdAfter, createdBefore, finishedAfter, finishedBefore } = filter;
  const states: readonly string[] = typeof state === 'string' ? [state] : (state ?? STATES);
  const { finishedAt, createdAt } = one;
  return (
    states.includes(one.state) &&
    (type === undefined || one.type === type) &&
    (queue === undefined || QUEUES[one.type] === queue) &&
    (tag === undefined || one.tags.includes(tag)) &&
    (key === undefined || one.key === key) &&
    (errorCode === undefined || one.error?.code === errorCode) &&
    (late !== true || one.late) &&
    (ids === undefined || ids.includes(one.id)) &&
    (createdAfter === undefined || createdAt >= createdAfter) &&
    (createdBefore === undefined || createdAt < createdBefore) &&
    (finishedAfter === undefined || (finishedAt !== null && finishedAt >= finishedAfter)) &&
    (finishedBefore === undefined || (finishedAt !== null && finishedAt < finishedBefore))
  );
}

async function everyPage(unstuck: Unstuck, filter: JobFilter, limit: number): Promise<Job[]> {
  const all: Job[] = [];
  for (let after: string | undefined; ; ) {
    const { jobs, next } = await unstuck.list({ ...filter, limit, after });
    all.push(...jobs);
    if (next === null) return all;
    after = next;
  }
}

test('a filter gives exactly the jobs that fit it, newest first, whatever the size of a page, and counts them', async () => {
  const all = await setup({ sweep: false });
  const random = seeded(aSeed());
  await store(all, random);
  const { unstuck } = all;
  const { jobs } = await unstuck.list({ limit: 1_000 });
  expect(jobs).toHaveLength(JOBS);
  let found = 0;
  for (let n = 0; n < FILTERS; n += 1) {
    const filter = aFilter(random, jobs);
    const wanted = jobs.filter((one) => fits(filter, one)).map(({ id }) => id);
    const got = await everyPage(unstuck, filter, random.pick([1_000, 7, 30]));
    expect(
      got.map(({ id }) => id),
      JSON.stringify(filter),
    ).toEqual(wanted);
    expect(await unstuck.count(filter)).toEqual({ count: wanted.length, capped: false });
    found += wanted.length;
  }
  expect(found).toBeGreaterThan(FILTERS);
}, 120_000);

test('pages lose and repeat none of the jobs that were there, while others are added, run and end', async () => {
  const { unstuck } = await setup();
  const before = await unstuck.enqueueMany(
    'old',
    Array.from({ length: 300 }, (_, input) => ({ input })),
  );
  await unstuck.work([job('new', () => 1), job('old', () => 1)]);
  const seen: string[] = [];
  for (let after: string | undefined; ; ) {
    await unstuck.enqueueMany(
      'new',
      Array.from({ length: 20 }, (_, input) => ({ input })),
    );
    const { jobs, next } = await unstuck.list({ limit: 37, after });
    seen.push(...jobs.map(({ id }) => id));
    if (next === null) break;
    after = next;
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(before.map(({ id }) => id).filter((id) => !seen.includes(id))).toEqual([]);
});

test('a list of failed jobs reads neither live jobs, nor other outcomes, nor days that cannot fit', async () => {
  const { session } = await setup({ sweep: false });
  const client = await session();
  await client.query(engineSettings({ statementMs: 9_000, lockMs: 9_000, idleMs: 9_000 }).text);
  for (const statement of [listJobs, selectJobs]) {
    await client.query(
      `prepare "${statement.name}" as ${statement.build(namesOf('unstuck')).text}`,
    );
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, costs off, timing off) execute "${statement.name}" ('failed', null, null, null, null, null, false, true,
        now() - interval '1 minute', 'infinity', null, null, null, null, null, false, null, null, 51, '${NOBODY}')`,
    );
    const lines = rows.map((row) => row['QUERY PLAN']);
    const read = lines.filter(
      (line) => / on (jobs|finished)/.test(line) && !line.includes('never executed'),
    );
    expect(read.length).toBeGreaterThan(0);
    expect(read.filter((line) => !line.includes(' on finished_failed_'))).toEqual([]);
    expect(read.filter((line) => line.includes('Seq Scan'))).toEqual([]);
    expect(read.length).toBeLessThanOrEqual(9);
  }
});
