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
  { id: 'S3.3', says: 'a reset by hand puts back what runs for too long', check: reset },
  { id: 'S3.4', says: 'a bulk delete takes any state but running', check: bulkDelete },
  { id: 'S3.5', says: 'one at a time in all processes, highest priority first', check: sequence },
  {
    id: 'S3.5',
    says: '`executePending` starts none while one runs, and says so',
    check: executePending,
  },
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

async function reset({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const { id } = await unstuck.enqueue(collectSources, SLOW);
  const { token } = await until(unstuck, id, (job) => job.state === 'running');
  const none = await unstuck.resetStuck();
  const answer = await unstuck.resetStuck(0, { by: 'examples', reason: 'the disk was full' });
  const job = await unstuck.wait(id, PATIENCE);
  assert.deepEqual(Object.keys(answer), ['success', 'resetCount', 'jobIds', 'message']);
  assert.deepEqual([none.resetCount, answer.success, answer.jobIds], [0, true, [id]]);
  assert.deepEqual([job.state, Number(job.token) > Number(token)], ['completed', true]);
  return `“${none.message}” “${answer.message}” It ran again and ${job.state}`;
}

async function bulkDelete({ unstuck, work }: Stage): Promise<string> {
  const ended = await unstuck.enqueue(collectPackages, {});
  const worker = await work(jobs);
  await unstuck.wait(ended.id, PATIENCE);
  const running = await runSlowly(unstuck);
  const waiting = await unstuck.enqueue(collectPackages, {});
  const later = await unstuck.enqueue(collectDocuments, DOCS, { delay: '1h' });
  const ids = [ended.id, running, waiting.id, later.id];
  const reason = 'collected twice';
  const { matched, done, refused } = await unstuck.bulk.delete({ ids }, { by: 'examples', reason });
  const left = await Promise.all(ids.map((id) => unstuck.get(id)));
  await unstuck.cancel(running);
  await worker.stop();
  assert.deepEqual([matched, done, left.filter((job) => job !== undefined).length], [4, 3, 1]);
  assert.deepEqual(
    refused.map(({ id, state, code }) => [id, state, code]),
    [[running, 'running', 'JOB_STATE_CONFLICT']],
  );
  return `${done} of ${matched} (completed, waiting, scheduled) are gone; refused: ${refused[0]?.message}`;
}

async function sequence({ unstuck, work, startWorkerProcess }: Stage): Promise<string> {
  const ids: string[] = [];
  // The later, the more urgent: the order of age would be the opposite.
  for (let priority = 0; priority < 12; priority += 1) {
    const [type, input] = priority % 2 === 0 ? [collectPackages, {}] : [collectDocuments, DOCS];
    ids.push((await unstuck.enqueue(type, input as never, { priority })).id);
  }
  await Promise.all([startWorkerProcess(4), work(jobs, { concurrency: 4 })]);
  const ended = await Promise.all(ids.map((id) => unstuck.wait(id, PATIENCE)));
  assert(ended.every(({ state }) => state === 'completed'));
  // The first one had the place before the others came.
  const [, ...started] = ended.toSorted((a, b) => Number(a.startedAt) - Number(b.startedAt));
  expectOneAtATime(started);
  const outOfTurn = expectUrgentFirst(started);
  const order = started.map(({ priority }) => priority).join(', ');
  return `priorities ${order}; none started before the one before it had ended, ${outOfTurn} had the place that every tenth time goes to the oldest`;
}

/** Throws when one of these started before the one before it had ended. */
function expectOneAtATime(started: readonly Job[]): void {
  for (const [index, job] of started.entries()) {
    const before = started[index - 1];
    const alone = before === undefined || Number(job.startedAt) >= Number(before.finishedAt);
    assert(alone, `${job.type} started before ${before?.type} had ended`);
  }
}

/** Throws when one was neither the most urgent nor, at most every tenth time, the oldest; returns how many were the oldest. */
function expectUrgentFirst(started: readonly Job[]): number {
  const left = started.toSorted((a, b) => a.priority - b.priority);
  let outOfTurn = 0;
  for (const job of started) {
    if (job === left.at(-1)) {
      left.pop();
      continue;
    }
    assert(job === left[0], `priority ${job.priority} came before ${left.at(-1)?.priority}`);
    left.shift();
    outOfTurn += 1;
  }
  assert(outOfTurn <= Math.ceil(started.length / 10), `${outOfTurn} came before more urgent ones`);
  return outOfTurn;
}

async function executePending({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const idle = await unstuck.queues.executePending(collection.name);
  const { id } = await unstuck.enqueue(collectSources, SLOW);
  await unstuck.enqueue(collectPackages, {});
  await until(unstuck, id, (job) => job.state === 'running');
  const busy = await unstuck.queues.executePending(collection.name);
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
