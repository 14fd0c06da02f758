// S3, stuck prevention: every requirement shown on real collections, one at a time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Job, Unstuck } from 'unstuck';
import { type Requirement, type Stage, until } from '../requirement.ts';
import { collectDocuments, collection, collectPackages, collectSources } from './collect-jobs.ts';
import { type Fault, SPIN_SWITCH } from './faults.ts';
import { jobs } from './index.ts';

const DOCS = { directory: 'docs' };
const SLOW = { directory: 'src/std', rehearse: 'slow' } as const;
const PATIENCE = { timeout: '1m' } as const;

/** The requirements in their order. */
export const requirements: readonly Requirement[] = [
  {
    id: 'S3.1',
    says: 'a handler that throws, rejects or dies fails its job at once',
    check: dying,
  },
  {
    id: 'S3.2',
    says: 'what is over its timeout is ended, even in a process that is blocked; variables set it',
    check: monitor,
  },
  { id: 'S3.5', says: 'one at a time in all processes, highest priority first', check: sequence },
  { id: 'S3.5', says: '`next` starts none while one runs, and says so', check: next },
  { id: 'S3.6', says: 'a running job shows its progress', check: progress },
  { id: 'S3.7', says: 'timeouts by type, retries of what passes', check: timeoutsAndRetries },
  { id: 'S3.7', says: 'the health of the queue in one answer', check: health },
  { id: 'S3.7', says: 'cancellation, and a graceful shutdown', check: cancelling },
];

async function dying({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const seen: string[] = [];
  for (const rehearse of ['throws', 'rejects', 'background', 'thread'] as const) {
    const { id } = await unstuck.enqueue(collectPackages, { rehearse });
    const { state, error, startedAt, finishedAt } = await unstuck.wait(id, PATIENCE);
    assert.equal(state, 'failed');
    assert.match(error?.message ?? '', /^rehearsed: /);
    const took = Number(finishedAt) - Number(startedAt);
    assert(
      took < 900,
      `${rehearse}: failed only after ${took} ms, which its timeout may have done`,
    );
    seen.push(`${rehearse} ${took} ms`);
  }
  return `failed with its error: ${seen.join(', ')}`;
}

async function monitor({ unstuck, startWorkerProcess }: Stage): Promise<string> {
  const env = { UNSTUCK_TIMEOUT: '500ms', UNSTUCK_SWEEP: 'off', [SPIN_SWITCH]: '1' };
  await startWorkerProcess(1, env);
  const { id } = await unstuck.enqueue(collectDocuments, { ...DOCS, rehearse: 'spins' });
  const { workerId } = await until(unstuck, id, (job) => job.state === 'running');
  unstuck.sweep();
  const { state, error } = await unstuck.wait(id, PATIENCE);
  const alive = (await unstuck.status()).workers.find((worker) => worker.id === workerId);
  assert.deepEqual([state, error?.code], ['failed', 'JOB_TIMEOUT']);
  assert(
    alive !== undefined,
    'the worker was declared dead: its death ended the job, not its timeout',
  );
  return `${error?.code}: ${error?.message}`;
}

async function sequence({ unstuck, work, startWorkerProcess }: Stage): Promise<string> {
  const first = await unstuck.enqueue(collectSources, { directory: 'src/cli' });
  const low = await unstuck.enqueue(collectDocuments, DOCS, { priority: -5 });
  const middle = await unstuck.enqueue(collectPackages, {});
  const high = await unstuck.enqueue(collectDocuments, DOCS, { priority: 5 });
  const ids = [first, high, middle, low].map(({ id }) => id);
  await Promise.all([startWorkerProcess(4), work(jobs, { concurrency: 4 })]);
  const ended = await Promise.all(ids.map((id) => unstuck.wait(id, PATIENCE)));
  assert(ended.every(({ state }) => state === 'completed'));
  expectOneAtATime(ended);
  return 'the first, then priority 5, 0, −5; none started before the one before it had ended';
}

/** Throws when these were not run in this order, each after the end of the one before. */
function expectOneAtATime(ended: readonly Job[]): void {
  for (const [index, job] of ended.entries()) {
    const before = ended[index - 1];
    assert(
      before === undefined || Number(job.startedAt) >= Number(before.finishedAt),
      `${job.type} started before ${before?.type} had ended`,
    );
  }
}

async function next({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const idle = await unstuck.queues.next(collection.name);
  const { id } = await unstuck.enqueue(collectSources, SLOW);
  await unstuck.enqueue(collectPackages, {});
  await until(unstuck, id, (job) => job.state === 'running');
  const busy = await unstuck.queues.next(collection.name);
  const empty = { totalPending: 0, started: 0, jobIds: [], message: 'No job is pending.' };
  assert.deepEqual(idle, empty);
  assert.deepEqual({ ...busy, message: '' }, { ...empty, totalPending: 1, message: '' });
  assert(busy.message.includes(id), busy.message);
  return `{ totalPending: 1, started: 0, jobIds: [], message: '${busy.message}' }`;
}

async function progress({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const { id } = await unstuck.enqueue(collectSources, SLOW);
  const seen: { readonly part: number; readonly words: string }[] = [];
  for (;;) {
    const known = seen.at(-1)?.part ?? 0;
    const job = await until(unstuck, id, (one) => (one.progress ?? 0) > known || isOver(one));
    if (isOver(job)) break;
    const part = job.progress ?? 0;
    seen.push({ part, words: `${Math.round(part * 100)} % “${job.progressNote}”` });
  }
  assert(seen.length > 0 && seen.every(({ part }) => part < 1), 'no progress was seen');
  return seen.map(({ words }) => words).join(', ');
}

function isOver({ state }: Job): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

async function timeoutsAndRetries({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const ended = async (rehearse: Fault): Promise<Job> => {
    const sources = { directory: 'src/std', rehearse };
    const type = rehearse === 'hangs' ? collectPackages : collectSources;
    const input = rehearse === 'hangs' ? { rehearse } : sources;
    const { id } = await unstuck.enqueue(type, input as never);
    return unstuck.wait(id, PATIENCE);
  };
  const [hanging, slow, transient] = [
    await ended('hangs'),
    await ended('slow'),
    await ended('transient'),
  ];
  const ran = (job: Job): number => Number(job.finishedAt) - Number(job.startedAt);
  assert.equal(hanging.error?.code, 'JOB_TIMEOUT');
  assert.deepEqual([slow.state, ran(slow) > ran(hanging)], ['completed', true]);
  assert.deepEqual([transient.state, transient.attempt], ['completed', 2]);
  return `collect-packages was ended after ${ran(hanging)} ms, collect-sources had its ${ran(slow)} ms; ${transient.state} at attempt ${transient.attempt}`;
}

async function health({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const { id } = await unstuck.enqueue(collectSources, SLOW);
  await unstuck.enqueue(collectPackages, {});
  await unstuck.enqueue(collectDocuments, DOCS);
  await until(unstuck, id, (job) => job.state === 'running');
  const { running, pending, waitsFor, types, oldest } = await unstuck.queues.get(collection.name);
  const { stuck, workers } = await unstuck.status();
  assert.deepEqual([running, pending, waitsFor, stuck], [1, 2, { limit: 2 }, 0]);
  assert(oldest !== null && workers.length === 1);
  return `${running} running, ${pending} pending (waiting for the limit), ${types.length} types, ${workers.length} worker, ${stuck} stuck`;
}

async function cancelling(stage: Stage): Promise<string> {
  const { unstuck, startWorkerProcess } = stage;
  const worker = await startWorkerProcess(1);
  const cancelled = await runSlowly(unstuck);
  await unstuck.cancel(cancelled, { by: 'examples', reason: 'not needed any more' });
  const drained = await runSlowly(unstuck);
  worker.kill('SIGTERM');
  const [code] = await once(worker, 'exit');
  const [gone, done] = await Promise.all([unstuck.get(cancelled), unstuck.get(drained)]);
  assert.deepEqual([gone?.state, done?.state, code], ['cancelled', 'completed', 0]);
  return `cancelled: ${gone?.reason}; at SIGTERM the next one was completed before its worker ended`;
}

async function runSlowly(unstuck: Unstuck): Promise<string> {
  const { id } = await unstuck.enqueue(collectSources, SLOW);
  await until(unstuck, id, (job) => job.state === 'running');
  return id;
}
