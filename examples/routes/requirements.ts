// S1, route generation: every requirement shown on real routes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AnyJob, defineJob, type RunningJob } from 'unstuck';
import { createHandler } from 'unstuck/http';
import { z } from 'zod';
import { type Requirement, type Stage, until } from '../requirement.ts';
import { routeJob } from './route-job.ts';

const SMALL = { country: 'IS', stops: 20, populationMin: 0 };
/** Some seconds of work. */
const LONG = { country: 'US', stops: 2000, starts: 5 };
const IMPOSSIBLE = { country: 'VA', stops: 500 };

/** The same work with too little time. */
const hurried: AnyJob = defineJob({
  type: 'route-hurried',
  input: routeJob.schema,
  timeout: '300ms',
  retry: { attempts: 1 },
  run: (job) => routeJob.run(job as RunningJob<never>),
});

/** Orders a route by plain SQL, as a program in another language would. */
const orderBySql: AnyJob = defineJob({
  type: 'route-order',
  input: z.object({ schema: z.string().regex(/^\w+$/) }),
  run: (job) =>
    job.transaction(async (tx) => {
      const text = `select "${job.input.schema}".enqueue('route', $1)::text as id`;
      const { rows } = await tx.query<{ id: string }>(text, [JSON.stringify(SMALL)]);
      return rows[0]?.id;
    }),
});

/** Loses a promise in the background. */
const careless: AnyJob = defineJob({
  type: 'route-careless',
  input: z.null(),
  retry: { attempts: 1 },
  run: () => {
    setTimeout(() => void Promise.reject(new Error('lost in the background')), 10);
    return new Promise<never>(() => undefined);
  },
});

/** The requirements in their order. */
export const requirements: readonly Requirement[] = [
  { id: 'S1.1', says: 'one row tells the truth through all states', check: states },
  { id: 'S1.2', says: 'jobs survive a restart, first in first out, none run twice', check: order },
  {
    id: 'S1.3',
    says: 'a dead worker’s jobs run again, a live one’s are left alone',
    check: orphans,
  },
  { id: 'S1.4', says: 'a job over its timeout is ended', check: timeouts },
  {
    id: 'S1.5',
    says: 'workers in the application and as a process stop gracefully',
    check: processes,
  },
  {
    id: 'S1.6',
    says: 'a failing job stops nothing, and its error is kept and logged',
    check: failures,
  },
  { id: 'S1.7', says: 'work starts in milliseconds', check: latency },
  {
    id: 'S1.8',
    says: 'HTTP creates and shows a job; one call counts, one lists what is late',
    check: http,
  },
  { id: 'S1.9', says: 'several types, and a row inserted by SQL is picked up', check: plainSql },
  { id: 'S3.1', says: 'an error in the background fails the job at once', check: background },
  { id: 'S3.6', says: 'a running job shows its progress', check: progress },
  { id: 'S4.2', says: 'anybody’s running job can be cancelled', check: cancelling },
];

async function states({ unstuck }: Stage): Promise<string> {
  const seen: string[] = [];
  const { id } = await unstuck.enqueue(routeJob, LONG, { hold: true });
  seen.push((await unstuck.get(id))?.state ?? '');
  seen.push((await unstuck.release(id)).state);
  const worker = await unstuck.work([routeJob]);
  seen.push((await until(unstuck, id, (job) => job.state === 'running')).state);
  const done = await unstuck.wait(id, { timeout: '1m' });
  seen.push(done.state);
  const failed = await unstuck.enqueue(routeJob, IMPOSSIBLE);
  const { state, finishedAt } = await unstuck.wait(failed.id, { timeout: '1m' });
  await worker.stop();
  assert.deepEqual(seen, ['pending', 'queued', 'running', 'completed']);
  assert.equal(state, 'failed');
  const times = [done.createdAt, done.startedAt, done.finishedAt].map(Number);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert(finishedAt !== null && done.updatedAt instanceof Date);
  return `${seen.join(' → ')}, and failed`;
}

async function order({ unstuck, startWorkerProcess }: Stage): Promise<string> {
  const inputs = Array.from({ length: 12 }, (_, seed) => ({ input: { ...SMALL, seed } }));
  const ids = (await unstuck.enqueueMany(routeJob, inputs)).map(({ id }) => id);
  // Another process does the work: the jobs outlive whoever stored them.
  await startWorkerProcess(1);
  const jobs = await Promise.all(ids.map((id) => unstuck.wait(id, { timeout: '1m' })));
  const started = jobs.toSorted((a, b) => Number(a.startedAt) - Number(b.startedAt));
  assert.deepEqual(
    started.map(({ id }) => id),
    ids,
  );
  const workers = await Promise.all([1, 2, 3].map(() => unstuck.work([routeJob])));
  const more = (await unstuck.enqueueMany(routeJob, inputs)).map(({ id }) => id);
  const ended = await Promise.all(more.map((id) => unstuck.wait(id, { timeout: '1m' })));
  await Promise.all(workers.map((worker) => worker.stop()));
  assert(ended.every((job) => job.state === 'completed' && job.attempt === 1 && job.token === '1'));
  return '12 routes in their order; 12 more by 4 workers, each by one';
}

async function orphans({ unstuck, startWorkerProcess }: Stage): Promise<string> {
  const doomed = await startWorkerProcess(1);
  const lost = await unstuck.enqueue(routeJob, LONG);
  const { workerId } = await until(unstuck, lost.id, (job) => job.state === 'running');
  const worker = await unstuck.work([routeJob], { concurrency: 1 });
  const kept = await unstuck.enqueue(routeJob, LONG);
  const before = await until(unstuck, kept.id, (job) => job.state === 'running');
  const killed = performance.now();
  doomed.kill('SIGKILL');
  await until(unstuck, lost.id, (job) => job.workerId !== workerId, 15_000);
  const took = performance.now() - killed;
  const [again, untouched] = await Promise.all(
    [lost.id, kept.id].map((id) => unstuck.wait(id, { timeout: '2m' })),
  );
  await worker.stop();
  assert.equal(again?.state, 'completed');
  assert.equal(again.crashes, 1);
  assert.equal(untouched?.token, before.token);
  assert.equal(untouched.crashes, 0);
  return `taken back ${(took / 1000).toFixed(1)} s after kill -9, then completed`;
}

async function timeouts({ unstuck }: Stage): Promise<string> {
  const worker = await unstuck.work([hurried]);
  const { id } = await unstuck.enqueue(hurried, LONG as never);
  const job = await unstuck.wait(id, { timeout: '1m' });
  await worker.stop();
  assert.equal(job.state, 'failed');
  assert.equal(job.error?.code, 'JOB_TIMEOUT');
  const ran = Number(job.finishedAt) - Number(job.startedAt);
  return `failed with JOB_TIMEOUT after ${ran} ms of 300 ms allowed`;
}

async function processes({ unstuck, startWorkerProcess }: Stage): Promise<string> {
  const inside = await unstuck.work([routeJob]);
  const own = await startWorkerProcess(1);
  assert.equal((await unstuck.status()).workers.length, 2);
  const { id } = await unstuck.enqueue(routeJob, LONG);
  await until(unstuck, id, (job) => job.state === 'running');
  own.kill('SIGTERM');
  const [[code]] = await Promise.all([once(own, 'exit'), inside.stop()]);
  assert.equal(code, 0);
  const job = await unstuck.get(id);
  assert.equal(job?.state, 'completed');
  assert.equal((await unstuck.status()).workers.length, 0);
  return 'both drained: the job that ran was completed, exit code 0';
}

async function failures({ unstuck, logged }: Stage): Promise<string> {
  const worker = await unstuck.work([routeJob], { concurrency: 1 });
  const bad = await unstuck.enqueue(routeJob, IMPOSSIBLE);
  const good = await unstuck.enqueue(routeJob, SMALL);
  const [failed, completed] = await Promise.all(
    [bad, good].map(({ id }) => unstuck.wait(id, { timeout: '1m' })),
  );
  await worker.stop();
  assert.equal(failed?.error?.code, 'PLACES_MISSING');
  assert.equal(completed?.state, 'completed');
  assert(logged.has('attempt_failed'));
  return 'PLACES_MISSING is kept on the job, the next one completed';
}

async function latency({ unstuck, startWorkerProcess }: Stage): Promise<string> {
  await startWorkerProcess(1);
  const took: number[] = [];
  for (let seed = 0; seed < 10; seed += 1) {
    const { id } = await unstuck.enqueue(routeJob, { ...SMALL, seed });
    const job = await unstuck.wait(id, { timeout: '1m' });
    took.push(Number(job.startedAt) - Number(job.createdAt));
  }
  const median = took.toSorted((a, b) => a - b)[5] ?? Number.NaN;
  assert(median < 500, `median ${median} ms`);
  return `median ${median} ms from enqueue to start, in another process`;
}

async function http({ unstuck }: Stage): Promise<string> {
  const handle = createHandler(unstuck, { jobs: [routeJob] });
  const body = JSON.stringify({ type: 'route', input: SMALL });
  const headers = { 'content-type': 'application/json' };
  const url = 'http://localhost/v1/jobs';
  const created = await handle(new Request(url, { method: 'POST', headers, body }));
  const { id } = (await created.json()) as { id: string };
  const shown = await handle(new Request(`${url}/${id}`));
  assert.deepEqual([created.status, shown.status], [201, 200]);
  const { live } = await unstuck.status();
  assert(live.some((group) => group.type === 'route' && group.state === 'queued'));
  const { id: forgotten } = await unstuck.enqueue('route-forgotten', {}, { claimWithin: '100ms' });
  await until(unstuck, forgotten, (job) => job.late);
  const [finding] = await unstuck.stuck();
  assert.equal(finding?.subject, 'route-forgotten');
  return `created and shown over HTTP; late: ${finding.reason}`;
}

async function plainSql({ unstuck }: Stage): Promise<string> {
  const worker = await unstuck.work([routeJob, orderBySql]);
  const { schema } = unstuck.config;
  const { id } = await unstuck.enqueue(orderBySql, { schema } as never);
  const { result } = await unstuck.wait(id, { timeout: '1m' });
  const job = await unstuck.wait(String(result), { timeout: '1m' });
  await worker.stop();
  assert.equal(job.state, 'completed');
  return `started ${Number(job.startedAt) - Number(job.createdAt)} ms after select ${schema}.enqueue(…)`;
}

async function background({ unstuck }: Stage): Promise<string> {
  const worker = await unstuck.work([careless]);
  const { id } = await unstuck.enqueue(careless, null as never);
  const job = await unstuck.wait(id, { timeout: '30s' });
  await worker.stop();
  assert.equal(job.state, 'failed');
  assert.match(job.error?.message ?? '', /lost in the background/);
  return `failed ${Number(job.finishedAt) - Number(job.startedAt)} ms after its start, with the error`;
}

async function progress({ unstuck }: Stage): Promise<string> {
  const worker = await unstuck.work([routeJob]);
  const { id } = await unstuck.enqueue(routeJob, LONG);
  const job = await until(unstuck, id, ({ progress: done }) => (done ?? 0) > 0);
  await unstuck.cancel(id);
  await worker.stop();
  return `${Math.round((job.progress ?? 0) * 100)} %, “${job.progressNote}”`;
}

async function cancelling({ unstuck }: Stage): Promise<string> {
  const worker = await unstuck.work([routeJob]);
  const { id } = await unstuck.enqueue(routeJob, { ...LONG, starts: 200 });
  await until(unstuck, id, (job) => job.state === 'running');
  const from = performance.now();
  const { state, reason } = await unstuck.cancel(id, { by: 'examples', reason: 'seen enough' });
  // A handler that had not heard of it would hold the stop until the drain timeout.
  await worker.stop();
  const took = performance.now() - from;
  assert.equal(state, 'cancelled');
  assert(took < 10_000, `the handler ended only after ${Math.round(took)} ms`);
  return `${reason}: its handler had ended ${(took / 1000).toFixed(1)} s later`;
}
