// Runs every example to its end and says for each requirement whether it held: `npm run examples`.
import type { ChildProcess } from 'node:child_process';
import { type Log, Unstuck, type Worker } from 'unstuck';
import type { Example } from './example.ts';
import { examples } from './examples.ts';
import { jobs } from './index.ts';
import { type Requirement, type Stage, startWorker } from './requirement.ts';

/** Beside what `npm start` works on, so that neither takes the other's jobs. */
const SCHEMA = 'unstuck_examples';
const DEMO_MS = '2m';

const chosen = choose(process.argv.slice(2));
const logged = new Set<string>();
const unstuck = await Unstuck.connect({ schema: SCHEMA, log: noting(logged) });
let failures = 0;
let shown = 0;
try {
  await cancelLeftovers();
  for (const example of chosen)
    for (const requirement of example.requirements) await show(example, requirement);
  for (const example of chosen) await runDemo(example);
} finally {
  await unstuck.close();
}
console.log(failures === 0 ? `All ${shown} held.` : `${failures} of ${shown} did not hold.`);
process.exit(failures === 0 ? 0 : 1);

/** The examples of these names, all when there is none. */
function choose(names: readonly string[]): readonly Example[] {
  const known = examples.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`Expected names of examples (${known.join(', ')}), got ${unknown}.`);
  return examples.filter(({ name }) => names.length === 0 || names.includes(name));
}

async function show({ name }: Example, { id, says, check }: Requirement): Promise<void> {
  const started: ChildProcess[] = [];
  const working: Worker[] = [];
  const work: Stage['work'] = async (types, options) => {
    const worker = await unstuck.work(types, options);
    working.push(worker);
    return worker;
  };
  const startWorkerProcess: Stage['startWorkerProcess'] = async (concurrency, env) => {
    const child = await startWorker(SCHEMA, concurrency, env);
    started.push(child);
    return child;
  };
  try {
    tell(true, name, id, `${says}: ${await check({ unstuck, logged, work, startWorkerProcess })}`);
  } catch (error) {
    tell(
      false,
      name,
      id,
      `${says}: ${(error as Error).message.replaceAll(/\s+/g, ' ').slice(0, 300)}`,
    );
  } finally {
    for (const child of started) child.kill('SIGKILL');
    await cancelLeftovers();
    await Promise.all(working.map((worker) => worker.stop()));
  }
}

/** The whole demo of an example: every job must end as it is meant to. */
async function runDemo({ name, demo }: Example): Promise<void> {
  const worker = await unstuck.work(jobs);
  for (const { title, id, ends } of await demo(unstuck, { scheduledAfter: '2s' })) {
    const { state } = await unstuck.wait(id, { timeout: DEMO_MS });
    tell(state === ends, name, 'demo', `${title}: ${state}`);
  }
  await worker.stop();
}

function tell(held: boolean, example: string, id: string, what: string): void {
  shown += 1;
  if (!held) failures += 1;
  console.log(`${held ? 'held    ' : 'NOT HELD'}  ${example.padEnd(16)}  ${id}  ${what}`);
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
