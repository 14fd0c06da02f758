// A worker as a process, for tests that kill, stop and cut off workers: node worker-process.ts '{"url":…,"history":…,"concurrency":…}'
// Appends what it is about to do to the history, prints "ready" when it may claim, drains on SIGTERM.
import { openSync } from 'node:fs';
import { findDefinitions, Unstuck } from '../../src/index.ts';
import * as jobs from './jobs.ts';
import { type Mutant, mutate } from './mutants.ts';

/** What the process is told on its command line; the options of Unstuck come in its environment. */
export interface WorkerArguments {
  readonly url: string;
  readonly history: string;
  readonly concurrency: number;
  readonly name: string;
  readonly mutant?: Mutant | undefined;
}

const given = JSON.parse(process.argv[2] ?? '{}') as WorkerArguments;
jobs.appendTo(openSync(given.history, 'a'));
if (given.mutant !== undefined) mutate(given.mutant);

const unstuck = await Unstuck.connect({ database: given.url, migrate: false });
await unstuck.work(findDefinitions(jobs), { concurrency: given.concurrency, name: given.name });
process.once('SIGTERM', () => void unstuck.close().then(() => process.exit(0)));
// When the test run is gone, so is the pipe: nobody else would end this process.
process.stdin.resume().once('close', () => process.exit(1));
process.stdout.write('ready\n');
