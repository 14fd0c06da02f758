// Measures claims of one type beside a backlog of other jobs, and prints the plan: node bench/backlog.ts [jobs in each backlog]
// Starts a PostgreSQL of its own in a temporary directory, with durable commits, and removes it.
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { z } from 'zod';
import { defineJob, Unstuck } from '../src/index.ts';
import { claimJobs } from '../src/sql/claim.ts';
import { engineSettings } from '../src/sql/session.ts';
import { namesOf } from '../src/sql/sql.ts';
import { startEmbedded } from '../src/storage/embedded/start-embedded.ts';

const BACKLOG = Number(process.argv[2] ?? 1_000_000);
const CLAIMS = 200;
const BATCH = 50;
const END_TO_END = 20_000;
const WANTED = JSON.stringify([
  { type: 'measured', timeout_ms: 60_000, rank: -100_000, seq: '-1' },
]);

const directory = await mkdtemp(join(tmpdir(), 'unstuck-bench-'));
await chmod(directory, 0o755);
const server = await startEmbedded({ directory });
const client = new Client({ connectionString: server.url });
try {
  const unstuck = await Unstuck.connect({ database: server.url, logLevel: 'error' });
  await client.connect();
  await client.query(engineSettings({ statementMs: 600_000, lockMs: 10_000, idleMs: 0 }).text);
  console.log(`PostgreSQL ${(await client.query('show server_version')).rows[0].server_version}`);
  await measure('empty');
  await fill('scheduled in the future', `'time', now() + n * interval '1 second', null, 'later'`);
  await fill(
    'queued for a type that nobody handles',
    `null, null, now() + interval '1 day', 'nobody'`,
  );
  // The pages of the backlog are written out first, so that the claims are measured and not the load.
  await client.query('checkpoint');
  await plan();
  await measure('without fresh statistics');
  await client.query('analyze unstuck.jobs');
  await client.query('checkpoint');
  await plan();
  await measure('analysed');
  await endToEnd(unstuck);
  await unstuck.close();
} finally {
  await client.end();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
}

async function fill(what: string, columns: string): Promise<void> {
  const from = performance.now();
  await client.query(
    `insert into unstuck.jobs (waits_for, wake_at, claim_by, type, attempts_max, claim_within_ms)
     select ${columns}, 5, 300000 from generate_series(1, $1) as s (n)`,
    [BACKLOG],
  );
  console.log(`${BACKLOG} jobs ${what} in ${((performance.now() - from) / 1_000).toFixed(1)} s`);
}

/** Times claims of 50 jobs of another type, each from the start of the queue, as after a notification. */
async function measure(what: string): Promise<void> {
  const worker = await newWorker();
  await client.query(
    `insert into unstuck.jobs (waits_for, wake_at, claim_by, type, attempts_max, claim_within_ms)
     select null, null, now() + interval '1 hour', 'measured', 5, 300000 from generate_series(1, $1)`,
    [CLAIMS * BATCH],
  );
  const text = claimJobs.build(namesOf('unstuck')).text;
  const times: number[] = [];
  for (let claim = 0; claim < CLAIMS; claim += 1) {
    const from = performance.now();
    const { rows } = await client.query({
      name: 'claim',
      text,
      values: [worker, randomUUID(), WANTED, BATCH],
    });
    times.push(performance.now() - from);
    if (rows.length !== BATCH) throw new Error(`a claim returned ${rows.length} jobs`);
    await client.query('delete from unstuck.jobs where id = any($1)', [rows.map(({ id }) => id)]);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => (times[Math.floor(part * (CLAIMS - 1))] ?? 0).toFixed(2);
  console.log(
    `${CLAIMS} claims of ${BATCH} jobs, ${what}: median ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`,
  );
}

async function plan(): Promise<void> {
  const worker = await newWorker();
  await client.query(
    `insert into unstuck.jobs (waits_for, wake_at, claim_by, type, attempts_max, claim_within_ms)
     select null, null, now() + interval '1 hour', 'measured', 5, 300000 from generate_series(1, 50)`,
  );
  // As the engine runs it: prepared, with a generic plan.
  const text = claimJobs.build(namesOf('unstuck')).text;
  await client.query(`prepare planned as ${text}`);
  const { rows } = await client.query(
    `explain (analyze, buffers, costs off, timing off, summary off) execute planned ('${worker}', '${randomUUID()}', '${WANTED}', ${BATCH})`,
  );
  await client.query('deallocate planned');
  for (const row of rows) console.log(row['QUERY PLAN']);
}

async function newWorker(): Promise<string> {
  const id = randomUUID();
  await client.query(
    `insert into unstuck.workers (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version, started_at)
     values ($1, 'bench', 'elsewhere', 1, '1', 3600000, now() + interval '1 hour', now(), 'live', '{measured}', 10, '0', now())`,
    [id],
  );
  return id;
}

/** Real jobs through a real worker beside the backlog. */
async function endToEnd(unstuck: Unstuck): Promise<void> {
  await client.query(`delete from unstuck.jobs where type = 'measured'`);
  let ended = 0;
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const job = defineJob({
    type: 'measured',
    input: z.object({}),
    run: () => {
      ended += 1;
      if (ended === END_TO_END) finish();
    },
  });
  await unstuck.work([job], { concurrency: 50 });
  const from = performance.now();
  for (let made = 0; made < END_TO_END; made += 1_000)
    await unstuck.enqueueMany(
      job,
      Array.from({ length: 1_000 }, () => ({ input: {} })),
    );
  await done;
  const seconds = (performance.now() - from) / 1_000;
  console.log(
    `${END_TO_END} jobs enqueued and run by one process beside the backlog: ${Math.round(END_TO_END / seconds)} jobs/s`,
  );
}
