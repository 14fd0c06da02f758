// Shows where the time goes: `npm run profile -- [--jobs N] [--to DIRECTORY]` drains and enqueues in this process, under V8's profiler.
import { mkdir, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { cleanUp, cleanUpOnSignals } from './core/cleanup.ts';
import { pause } from './core/monotonic.ts';
import type { Producer, System } from './core/system.ts';
import { enqueueMany, enqueueOnes } from './process/enqueueing.ts';
import { type Flame, renderFlame } from './report/flame.ts';
import { requireBuild } from './runner/require-build.ts';
import { forgetStatements, watchStatements } from './servers/claim-statistics.ts';
import { Postgres } from './servers/postgres.ts';
import { openUnstuck } from './systems/unstuck.ts';
import { TYPES } from './workloads/workload.ts';

const SAMPLE_MICROS = 250;
const { values: options } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200000' },
    to: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
  },
});
const JOBS = Number(options.jobs);

/** The execution times are PostgreSQL's own: without planning, parsing and commit. It does not keep the comment that names a statement. */
const STATEMENTS = `
  select case
      when query ~ 'claims [(]' and query ~ 'finished [(]' then 'finish-and-claim'
      when query ~ 'claims [(]' then 'claim-jobs'
      when query ~ 'finished [(]' then 'finish-jobs'
      when query ~ 'insert into "unstuck".jobs' then 'enqueue-alike'
      else left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 60)
    end as statement, calls,
    round($1::numeric / calls) as per_call, round((total_exec_time / calls)::numeric, 2) as ms,
    round((total_exec_time * 1000 / $1::numeric)::numeric, 2) as micros, round(wal_bytes / $1::numeric) as wal
  from pg_stat_statements
  where dbid = (select oid from pg_database where datname = current_database()) and total_exec_time > 5
  order by total_exec_time desc limit 6`;

requireBuild();
cleanUpOnSignals();
try {
  const postgres = await Postgres.start();
  const { url } = await postgres.freshDatabase('on');
  const client = new Client({ connectionString: url });
  // Whatever fails here stops the server, which ends this connection: that must not hide why.
  client.on('error', () => undefined);
  await client.connect();
  await watchStatements(client);
  const system = openUnstuck({ url, settings: { concurrency: 500 } });
  await system.prepare(TYPES);
  const producer = await system.producer(TYPES);
  await mkdir(options.to, { recursive: true });
  await profileOnes(producer, client);
  await client.query('delete from unstuck.jobs');
  await enqueueMany(producer, { jobs: JOBS, perCall: 1_000, callers: 2, types: TYPES });
  await client.query('vacuum (analyze)');
  await profileDrain(system, producer, client);
  await producer.close();
  await client.end();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

async function profileOnes(producer: Producer, client: Client): Promise<void> {
  await enqueueOnes(producer, { callers: 50, ms: 500 });
  let jobs = 0;
  const flame = await profiled('enqueue, 50 callers', client, async () => {
    jobs = (await enqueueOnes(producer, { callers: 50, ms: 3_000 })).jobs;
  });
  await report('enqueue', flame, { client, jobs });
}

async function profileDrain(system: System, producer: Producer, client: Client): Promise<void> {
  const flame = await profiled('drain, one process', client, async () => {
    const waiting = { jobs: JOBS };
    const handle = (): void => {
      waiting.jobs -= 1;
    };
    const worker = await system.work({ types: TYPES, handle, bare: false });
    // Asked while jobs run, what is left would cost more than they.
    while (waiting.jobs > 0 || (await producer.left())) await pause(20);
    await worker.stop();
  });
  await report('drain', flame, { client, jobs: JOBS });
}

async function profiled(title: string, client: Client, run: () => Promise<void>): Promise<Flame> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROS });
  await forgetStatements(client);
  await session.post('Profiler.start');
  await run();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return renderFlame(profile, title);
}

async function report(
  name: string,
  { svg, busy }: Flame,
  { client, jobs }: { client: Client; jobs: number },
): Promise<void> {
  const file = `${options.to}/profile-${name}.svg`;
  await writeFile(file, svg);
  const { rows } = await client.query<Record<string, string>>(STATEMENTS, [jobs]);
  console.log(`${file}: ${jobs} jobs, this thread busy ${Math.round(busy * 100)} % of the time`);
  console.log(
    '| statement | calls | jobs per call | ms per call | µs per job | WAL bytes per job |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const row of rows) console.log(`| ${Object.values(row).join(' | ')} |`);
}
