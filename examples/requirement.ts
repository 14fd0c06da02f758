// One requirement of a system that an example stands for, and how it is shown to hold on real jobs.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AnyJob, ConnectOptions, Job, Unstuck, Worker, WorkOptions } from 'unstuck';

/** What a check works with: a schema of its own, whose live jobs are all its own. */
export interface Stage {
  readonly unstuck: Unstuck;
  /** The events that `unstuck` has logged. */
  readonly logged: ReadonlySet<string>;
  /** Works in this process; what still works after the check is stopped. */
  readonly work: (jobs: readonly AnyJob[], options?: WorkOptions) => Promise<Worker>;
  /** Connects once more, as another process would; closed after the check. */
  readonly connect: (options?: ConnectOptions) => Promise<Unstuck>;
  /** Starts a worker of these examples in a process of its own; it is killed after the check if it still runs. */
  readonly startWorkerProcess: (
    concurrency: number,
    env?: Readonly<Record<string, string>>,
  ) => Promise<ChildProcess>;
}

/** A requirement by its number in the description of the five systems. */
export interface Requirement {
  readonly id: string;
  readonly says: string;
  /** Resolves with what was seen; throws when the requirement does not hold. */
  readonly check: (stage: Stage) => Promise<string>;
}

/** Waits until a job is as wanted, looking every 20 ms for at most `ms`. */
export async function until(
  unstuck: Unstuck,
  id: string,
  wanted: (job: Job) => boolean,
  ms = 30_000,
): Promise<Job> {
  const deadline = performance.now() + ms;
  for (;;) {
    const job = await unstuck.get(id);
    assert(job !== undefined, `job ${id} is gone`);
    if (wanted(job)) return job;
    assert(performance.now() < deadline, `job ${id} is still ${job.state} after ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Starts `unstuck work` on all examples, with these environment variables beside ours, and resolves when it works. */
export async function startWorker(
  schema: string,
  concurrency: number,
  env: Readonly<Record<string, string>> = {},
): Promise<ChildProcess> {
  const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
  const args = ['work', path('./index.ts'), '--no-supervise', '--schema', schema];
  const child = spawn(
    process.execPath,
    [...process.execArgv, path('../src/cli/main.ts'), ...args, '--concurrency', `${concurrency}`],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: { ...process.env, ...env } },
  );
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += String(chunk);
      if (said.includes('event=worker_ready')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`The worker ended with ${code}: ${said}`)));
  });
  return child;
}
