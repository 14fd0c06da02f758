// Runs every example to its end and says for each requirement whether it held: `npm run examples`.
import type { ChildProcess } from 'node:child_process';
import { type Log, Unstuck } from 'unstuck';
import { jobs } from './index.ts';
import { type Requirement, startWorker } from './requirement.ts';
import { enqueueDemo } from './routes/demo.ts';
import { requirements as routes } from './routes/requirements.ts';

/** Beside what `npm start` works on, so that neither takes the other's jobs. */
const SCHEMA = 'unstuck_examples';
const DEMO_MS = '2m';

const logged = new Set<string>();
const unstuck = await Unstuck.connect({ schema: SCHEMA, log: noting(logged) });
let failures = 0;
try {
  await cancelLeftovers();
  for (const requirement of routes) await show(requirement);
  await runDemo();
} finally {
  await unstuck.close();
}
console.log(failures === 0 ? 'Every requirement held.' : `${failures} did not hold.`);
process.exit(failures === 0 ? 0 : 1);

async function show({ id, says, check }: Requirement): Promise<void> {
  const started: ChildProcess[] = [];
  const startWorkerProcess = async (concurrency: number): Promise<ChildProcess> => {
    const child = await startWorker(SCHEMA, concurrency);
    started.push(child);
    return child;
  };
  try {
    const seen = await check({ unstuck, logged, startWorkerProcess });
    console.log(`held      ${id}  ${says}: ${seen}`);
  } catch (error) {
    failures += 1;
    console.log(`NOT HELD  ${id}  ${says}: ${(error as Error).message.split('\n')[0]}`);
  } finally {
    for (const child of started) child.kill('SIGKILL');
    await cancelLeftovers();
  }
}

/** The whole demo of the routes: every job must end as its title says. */
async function runDemo(): Promise<void> {
  const worker = await unstuck.work(jobs);
  const demo = await enqueueDemo(unstuck, { scheduledAfter: '2s' });
  for (const { title, id } of demo) {
    const job = await unstuck.wait(id, { timeout: DEMO_MS });
    const expected = title.includes('(fails:') ? 'failed' : 'completed';
    if (job.state !== expected) failures += 1;
    console.log(
      `${job.state === expected ? 'held    ' : 'NOT HELD'}  demo  ${title}: ${job.state}`,
    );
  }
  await worker.stop();
}

/** An earlier run may have been stopped in the middle. */
async function cancelLeftovers(): Promise<void> {
  for (const state of ['pending', 'queued', 'running'] as const) {
    const { jobs: left } = await unstuck.list({ state, limit: 1000 });
    for (const { id } of left) await unstuck.cancel(id).catch(() => undefined);
  }
}

function noting(events: Set<string>): Log {
  const note = (event: string): void => void events.add(event);
  return { debug: note, info: note, warn: note, error: note };
}
