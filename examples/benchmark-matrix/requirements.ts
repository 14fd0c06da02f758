// S4, every place where a job can get stuck: the requirements that a fan-out has to hold, on real benchmarks.
import assert from 'node:assert/strict';
import type { FanOut, Unstuck } from 'unstuck';
import { changeByHand } from '../by-hand.ts';
import { type Requirement, type Stage, until } from '../requirement.ts';
import { cellJob, type MatrixInput, matrixJob } from './benchmark-jobs.ts';
import { jobs } from './index.ts';

const PATIENCE = { timeout: '1m' } as const;
const SMALL: MatrixInput = {
  codecs: ['gzip', 'brotli'],
  levels: [1, 6],
  samples: ['log', 'noise'],
};
/** Half of it takes two attempts of a second each before anybody measures. */
const HANGING: MatrixInput = { ...SMALL, providers: { brotli: ['hanging', 'here'] } };

/** The requirements in their order. */
export const requirements: readonly Requirement[] = [
  { id: 'S4.2', says: 'one stuck execution is ended alone; anybody can cancel one', check: heal },
  {
    id: 'S4.4',
    says: 'done when all that was planned is written; missing ones are made again',
    check: missing,
  },
  { id: 'S4.4', says: 'the success rate decides the outcome', check: successRate },
  {
    id: 'S4.5',
    says: 'pending, queued, running, done, failed and missing are told apart',
    check: counts,
  },
  {
    id: 'S4.6',
    says: 'a provider that fails or hangs is tried again, then the next one is used',
    check: providers,
  },
  { id: 'S4.8', says: 'cancelling reaches every part', check: cancelling },
  { id: 'S4.8', says: 'a crash of the worker loses no cell', check: crash },
];

async function heal({ unstuck, work }: Stage): Promise<string> {
  const worker = await work(jobs);
  const { id } = await unstuck.enqueue(matrixJob, HANGING);
  await until(unstuck, id, (job) => job.waitsFor === 'executions');
  const [stuck, other] = await unstuck.executions.list(id, { after: 3, limit: 2 });
  const [cancelled, timedOut] = [stuck?.jobId ?? '', other?.jobId ?? ''];
  await unstuck.cancel(cancelled, { by: 'examples', reason: 'its provider is down' });
  const job = await unstuck.wait(id, PATIENCE);
  const attempts = await unstuck.history(timedOut);
  const { counts: ended } = await fanOutOf(unstuck, id);
  await worker.stop();
  assert.deepEqual([job.state, ended.completed, ended.cancelled], ['completed', 7, 1]);
  const kinds = attempts.map(({ kind }) => kind);
  assert.deepEqual(kinds, ['timed-out', 'timed-out']);
  return `an execution was timed out twice and completed, one was cancelled, the benchmark ${job.state} with 7 of 8`;
}

async function missing({ unstuck, work }: Stage): Promise<string> {
  await work([matrixJob]);
  const { id } = await unstuck.enqueue(matrixJob, SMALL);
  await until(unstuck, id, (job) => job.waitsFor === 'executions');
  const rows = 'delete from $schema.jobs where parent_id = $1 and ordinal in (2, 5)';
  await changeByHand(unstuck, rows, [id]);
  const named = await unstuck.executions.list(id, { state: 'missing' });
  const before = await fanOutOf(unstuck, id);
  await work([cellJob]);
  const { state, result } = await unstuck.wait(id, { ...PATIENCE, as: matrixJob });
  const after = await fanOutOf(unstuck, id);
  assert.deepEqual(
    named.map(({ cell }) => cell),
    [
      { codec: 'gzip', level: 6, sample: 'log' },
      { codec: 'brotli', level: 1, sample: 'noise' },
    ],
  );
  assert.deepEqual([before.counts.missing, before.expected], [2, 8]);
  assert.deepEqual([state, result?.measured, after.counts.completed], ['completed', 8, 8]);
  return `2 of 8 deleted by hand were named (gzip 6 log, brotli 1 noise) and made again: ${after.counts.completed} of 8 written`;
}

async function successRate({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const samples: MatrixInput['samples'] = ['log'];
  const inputs: readonly MatrixInput[] = [
    { codecs: ['gzip', 'deflate', 'brotli', 'zstd'], levels: [1, 6, 11], samples },
    { codecs: ['gzip', 'deflate'], levels: [1, 11], samples },
  ];
  const ids = await Promise.all(
    inputs.map(async (input) => (await unstuck.enqueue(matrixJob, input)).id),
  );
  const [most, half] = await Promise.all(
    ids.map((id) => unstuck.wait(id, { ...PATIENCE, as: matrixJob })),
  );
  assert.deepEqual([most?.state, most?.result?.measured], ['completed', 10]);
  assert.deepEqual([half?.state, half?.error?.code], ['failed', 'EXECUTIONS_FAILED']);
  return `10 of 12 completed: ${most?.state}; 2 of 4: ${half?.state} (${half?.error?.message.split('. ')[0]}.)`;
}

async function counts({ unstuck, work }: Stage): Promise<string> {
  await work([matrixJob]);
  const levels = [11, 1];
  const { id } = await unstuck.enqueue(matrixJob, { ...HANGING, levels });
  await until(unstuck, id, (job) => job.waitsFor === 'executions');
  await changeByHand(unstuck, 'delete from $schema.jobs where parent_id = $1 and ordinal = 7', [
    id,
  ]);
  await work([cellJob], { concurrency: 1 });
  const seen = new Map<string, number>();
  let looked: FanOut;
  do {
    looked = await fanOutOf(unstuck, id);
    const sum = Object.values(looked.counts).reduce((total, count) => total + count, 0);
    assert.equal(sum, looked.expected);
    for (const [state, count] of Object.entries(looked.counts))
      seen.set(state, Math.max(seen.get(state) ?? 0, count));
  } while (looked.counts.completed + looked.counts.failed < looked.expected);
  const { cancelled, ...others } = Object.fromEntries(seen);
  assert.equal(cancelled, 0);
  assert(
    Object.values(others).every((count) => count > 0),
    JSON.stringify(others),
  );
  const most = Object.entries(others).map(([state, count]) => `${state} ${count}`);
  return `every look added up to ${looked.expected}; at most ${most.join(', ')}`;
}

async function providers({ unstuck, work }: Stage): Promise<string> {
  await work(jobs);
  const list: ('refusing' | 'hanging' | 'here')[] = ['refusing', 'hanging', 'here'];
  const input = { codec: 'brotli', level: 5, sample: 'prose', providers: list } as const;
  const { id } = await unstuck.enqueue(cellJob, { ...input, providers: list });
  const job = await unstuck.wait(id, { ...PATIENCE, as: cellJob });
  const history = await unstuck.history(id);
  const codes = history.map(({ detail }) => (detail as { code?: string } | null)?.code);
  assert.deepEqual(codes, ['PROVIDER_REFUSED', 'PROVIDER_REFUSED', 'JOB_TIMEOUT', 'JOB_TIMEOUT']);
  assert.deepEqual([job.state, job.result?.provider, job.attempt], ['completed', 'here', 5]);
  return `refusing twice, hanging twice (a second each), then ${job.result?.provider}: ratio ${job.result?.ratio}`;
}

async function cancelling({ unstuck, work }: Stage): Promise<string> {
  const worker = await work(jobs, { concurrency: 2 });
  const { id } = await unstuck.enqueue(matrixJob, HANGING);
  await untilCounts(unstuck, id, ({ running, queued }) => running > 0 && queued > 0);
  await unstuck.cancel(id, { by: 'examples', reason: 'seen enough' });
  const { counts: ended, expected } = await fanOutOf(unstuck, id);
  const from = performance.now();
  // A handler that had not heard of it would hold the stop until its timeout.
  await worker.stop();
  const took = Math.round(performance.now() - from);
  const { live } = await unstuck.status();
  assert.equal(ended.cancelled + ended.completed, expected);
  assert(ended.cancelled > 0 && live.length === 0);
  return `${ended.cancelled} of ${expected} executions cancelled, ${ended.completed} had completed, none lives; their handlers had ended ${took} ms later`;
}

async function crash({ unstuck, work, startWorkerProcess }: Stage): Promise<string> {
  const doomed = await startWorkerProcess(3);
  const { id } = await unstuck.enqueue(matrixJob, HANGING);
  await untilCounts(unstuck, id, ({ running, completed }) => running > 1 && completed > 0);
  doomed.kill('SIGKILL');
  const { counts: before } = await fanOutOf(unstuck, id);
  await work(jobs);
  const { state, result } = await unstuck.wait(id, { ...PATIENCE, as: matrixJob });
  assert.deepEqual([state, result?.measured], ['completed', 8]);
  return `kill -9 with ${before.running} running and ${before.completed} completed; all ${result?.measured} cells are written`;
}

async function fanOutOf(unstuck: Unstuck, id: string): Promise<FanOut> {
  const fanOut = await unstuck.executions.get(id);
  assert(fanOut !== undefined, `job ${id} has no plan`);
  return fanOut;
}

/** Waits until executions stand as wanted, looking every 20 ms for at most half a minute. */
async function untilCounts(
  unstuck: Unstuck,
  id: string,
  wanted: (counts: FanOut['counts']) => boolean,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const fanOut = await unstuck.executions.get(id);
    if (fanOut !== undefined && wanted(fanOut.counts)) return;
    assert(performance.now() < deadline, `still ${JSON.stringify(fanOut?.counts)} after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
