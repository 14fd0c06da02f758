// What a plain job costs, in what does not depend on the machine: statements, rows, index entries and bytes of write-ahead log.
import { expect, onTestFinished, test, vi } from 'vitest';
import { Database } from '../../src/storage/database.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';
import { WRITTEN_SINCE, writtenPerJob } from '../support/written.ts';

const JOBS = 1_000;
/** 113 bytes as JSON, as in the benchmark. */
const INPUT = { n: 123_456, sentAt: 1_234_567.891, pad: 'x'.repeat(71) };

test('a plain job is one row written, claimed in place, deleted and kept, with three index entries and at most 1.3 KB of log', async () => {
  const all = await setup();
  if (all.version < WRITTEN_SINCE) {
    process.stderr.write(
      `!!! SKIPPED: PostgreSQL ${all.version} does not tell what was written.\n`,
    );
    return;
  }
  expect(JSON.stringify(INPUT)).toHaveLength(113);
  const plain = job('plain', () => undefined);
  const written = await writtenPerJob(await all.session(), JOBS, async () => {
    await all.unstuck.enqueueMany(
      plain,
      Array.from({ length: JOBS }, () => ({ input: INPUT })),
    );
    await all.unstuck.work([plain], { concurrency: 500 });
    await finished(all, JOBS);
  });
  console.log(`written per job: ${JSON.stringify(written)}`);
  expect(written.rows).toEqual({
    'finished INSERT': 1,
    'jobs DELETE': 1,
    'jobs HOT_UPDATE': 1,
    'jobs INSERT': 1,
  });
  expect(written.entries).toEqual({ finished_id: 1, jobs_pkey: 1, jobs_ready: 1 });
  expect(written.bytes).toBeLessThan(1_300);
});

test('single enqueues of many callers share a statement', async () => {
  const all = await setup({ sweep: false });
  const plain = job('plain', () => undefined);
  await all.unstuck.enqueue(plain, INPUT);
  const ran = watchStatements();
  await Promise.all(Array.from({ length: JOBS }, () => all.unstuck.enqueue(plain, INPUT)));
  expect(ran()).toEqual(['enqueue-alike']);
});

test('an idle worker runs a job in two statements: one claims it, one ends it and asks for the next', async () => {
  const all = await setup({ sweep: false, pollInterval: '1h' });
  const plain = job('plain', () => undefined);
  await all.unstuck.work([plain], { concurrency: 10 });
  await all.unstuck.enqueue(plain, INPUT);
  await finished(all, 1);
  // Its first claims may be on their way still; with polls an hour apart nothing follows them.
  await eventually(
    async () =>
      (
        await all.query(
          `select from pg_stat_activity where datname = current_database() and application_name = 'unstuck engine' and state <> 'idle'`,
        )
      ).length === 0,
    'the worker is idle',
  );
  const ran = watchStatements();
  await all.unstuck.enqueue(plain, INPUT);
  await finished(all, 2);
  expect(ran().filter((name) => name === 'enqueue-alike')).toHaveLength(1);
  expect(new Set(ran().filter((name) => !ONCE.has(name)))).toEqual(
    new Set(['enqueue-alike', 'claim-jobs', 'finish-and-claim']),
  );
});

test('a job that arrives while all there is room for is being claimed waits for that claim, and not for the next poll', async () => {
  const all = await setup({ sweep: false, pollInterval: '1h', notify: false });
  const plain = job('plain', () => undefined);
  const reply = gate();
  const sent = gate();
  const run: Database['run'] = Reflect.get(Database.prototype, 'run');
  const watched = vi.spyOn(Database.prototype, 'run').mockImplementation(async function held(
    this: Database,
    ...call: Parameters<typeof run>
  ) {
    const rows: unknown = await run.apply(this, call);
    if (call[0].name === 'claim-jobs') {
      sent.open();
      await reply.promise;
    }
    return rows as never;
  });
  onTestFinished(() => watched.mockRestore());
  await all.unstuck.work([plain], { concurrency: 1 });
  await sent.promise;
  await all.unstuck.enqueue(plain, INPUT);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  reply.open();
  await finished(all, 1);
});

test('a process without work asks one statement a round: the sweep, the watch over the workers, the claim; two for findings', async () => {
  const all = await setup({ sweepInterval: '50ms', watchInterval: '50ms', pollInterval: '50ms' });
  await all.unstuck.work([job('plain', () => undefined)]);
  const ran = watchStatements();
  const rounds = (name: string): number => ran().filter((one) => one === name).length;
  const twenty = (): boolean =>
    ['take-tick', 'watch-locks', 'claim-jobs'].every((name) => rounds(name) >= 20);
  // A round of findings may have been under way when this began.
  const findings = (): boolean =>
    ['take-findings-tick', 'find-late-groups'].every((name) => rounds(name) > 0);
  await eventually(() => twenty() && findings(), 'twenty rounds of each');
  expect(new Set(ran().filter((name) => !ONCE.has(name) && !RETENTION.has(name)))).toEqual(
    new Set(['take-tick', 'watch-locks', 'claim-jobs', 'take-findings-tick', 'find-late-groups']),
  );
});

test('quick jobs are claimed and ended by the hundred, with no statement besides', async () => {
  const all = await setup({ sweep: false });
  const plain = job('plain', () => undefined);
  await all.unstuck.enqueueMany(
    plain,
    Array.from({ length: 5 * JOBS }, () => ({ input: INPUT })),
  );
  const ran = watchStatements();
  await all.unstuck.work([plain], { concurrency: 500 });
  await finished(all, 5 * JOBS);
  expect(ran().length).toBeLessThan((5 * JOBS) / 50);
  // On a slow machine it takes more than the second after which the oldest jobs are looked for.
  const others = ran().filter((name) => !HOT.has(name) && !ONCE.has(name));
  expect(others.filter((name) => name !== 'find-heads')).toEqual([]);
});

test('however many jobs end at once, each end rides with a claim and none is left for later', async () => {
  const all = await setup({ sweep: false, pollInterval: '1h' });
  const open = gate();
  let started = 0;
  const held = job('held', async () => {
    started += 1;
    await open.promise;
  });
  const many = 3 * JOBS;
  await all.unstuck.enqueueMany(
    held,
    Array.from({ length: many }, () => ({ input: INPUT })),
  );
  await all.unstuck.work([held], { concurrency: many });
  await eventually(() => started === many, 'all run');
  const ran = watchStatements();
  open.open();
  await finished(all, many);
  expect(ran().filter((name) => name === 'finish-jobs')).toEqual([]);
});

/** What a process runs when it starts to work, and what the throttle of its enqueues had kept back. */
const ONCE: ReadonlySet<string> = new Set(['define-types', 'list-migrations', 'notify']);
/** What is forgotten every ten minutes, and first at the start. */
const RETENTION: ReadonlySet<string> = new Set([
  'prune-row-errors',
  'prune-links',
  'prune-fan-outs',
  'prune-audit',
  'prune-requests',
  'prune-deliveries',
  'prune-dispatches',
  'prune-alerts',
  'list-partitions',
  'list-loose-tables',
  'read-today',
]);
const HOT: ReadonlySet<string> = new Set(['claim-jobs', 'finish-and-claim', 'finish-jobs']);

/** Returns what tells the names of the statements that the engine has run since. */
function watchStatements(): () => string[] {
  const watched = vi.spyOn(Database.prototype, 'run');
  const ran = (): string[] => watched.mock.calls.map(([statement]) => statement.name);
  onTestFinished(() => watched.mockRestore());
  return ran;
}

async function finished({ query }: Setup, jobs: number): Promise<void> {
  await eventually(async () => {
    const [row] = await query<{ count: number }>(
      `select count(*)::integer as count from unstuck.finished`,
    );
    return row?.count === jobs;
  }, `${jobs} jobs are finished`);
}
