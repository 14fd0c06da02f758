// Runs every example to its end and says for each requirement whether it held: `npm run examples`.
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, Unstuck, type Worker } from 'unstuck';
import type { Beside, Example } from './example.ts';
import { examples } from './examples.ts';
import { jobs } from './index.ts';
import { type Requirement, type Stage, startWorker } from './requirement.ts';

/** Beside what `npm start` works on, so that neither takes the other's jobs. */
const SCHEMA = 'unstuck_examples';
const DEMO_MS = '2m';

const chosen = choose(process.argv.slice(2));
const logged = new Set<string>();
const log = noting(logged);
// Some of the examples have workers elsewhere, which are processes of this machine here.
const privateAddresses = ['127.0.0.1'];
const unstuck = await Unstuck.connect({ schema: SCHEMA, log, privateAddresses });
const directory = await mkdtemp(join(tmpdir(), 'unstuck-examples-'));
const besides: Beside[] = [];
let failures = 0;
let shown = 0;
try {
  for (const { beside } of examples)
    if (beside !== undefined) besides.push(await beside(directory));
  await cancelLeftovers();
  for (const example of chosen)
    for (const requirement of example.requirements) await show(example, requirement);
  for (const example of chosen) await runDemo(example);
} finally {
  await unstuck.close();
  await Promise.all(besides.map((beside) => beside.stop()));
  await rm(directory, { recursive: true, force: true });
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
  const connected: Unstuck[] = [];
  const work: Stage['work'] = async (types, options) => {
    const worker = await unstuck.work(types, options);
    working.push(worker);
    return worker;
  };
  const connect: Stage['connect'] = async (options) => {
    const another = await Unstuck.connect({ schema: SCHEMA, log, ...options });
    connected.push(another);
    return another;
  };
  const startWorkerProcess: Stage['startWorkerProcess'] = async (concurrency, env) => {
    const child = await startWorker(SCHEMA, concurrency, { ...besideEnv(), ...env });
    started.push(child);
    return child;
  };
  try {
    const seen = await check({ unstuck, logged, work, connect, startWorkerProcess });
    tell(true, name, id, `${says}: ${seen}`);
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
    await Promise.all(connected.map((another) => another.close()));
  }
}

/** The whole demo of an example: every job must end as it is meant to. */
async function runDemo({ name, demo }: Example): Promise<void> {
  const targets = besides.flatMap((beside) => beside.targets);
  const worker = await unstuck.work(jobs, { targets });
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

/** What worker processes are told of what runs beside them. */
function besideEnv(): Record<string, string> {
  const env = { UNSTUCK_PRIVATE_ADDRESSES: privateAddresses.join(',') };
  return Object.assign(env, ...besides.map((beside) => beside.env));
}

function noting(events: Set<string>): Log {
  const note = (event: string): void => void events.add(event);
  return { debug: note, info: note, warn: note, error: note };
}
