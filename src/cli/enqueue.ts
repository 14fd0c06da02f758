/** `unstuck enqueue`: stores one job, and waits for its end if asked. */
import { readFileSync } from 'node:fs';
import { unstuckError } from '../domain/errors.ts';
import type { Enqueued, EnqueueOptions } from '../domain/job.ts';
import { parseJson } from '../domain/json.ts';
import { commandName } from './command-name.ts';
import { EXIT } from './exit-codes.ts';
import { showJob } from './job-show.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { exitCodeOfEnd, waitForJob } from './wait-for-job.ts';

/** How the job is stored. */
export interface EnqueueCommandOptions extends Globals {
  readonly priority?: number;
  readonly delay?: string;
  readonly runAt?: string;
  readonly finishBy?: string;
  readonly claimWithin?: string;
  readonly key?: string;
  readonly hold?: boolean;
  readonly tag?: readonly string[];
  readonly wait?: boolean;
  readonly timeout?: string;
}

/** Runs the command: exit code 2 when nothing could be stored as asked, with --wait 7 when the job failed. */
export async function enqueue(
  options: EnqueueCommandOptions,
  type: string,
  input = '{}',
): Promise<number> {
  const screen = openScreen(options.output);
  const value = inputValue(input);
  return withUnstuck(options, async (unstuck) => {
    const enqueued = await unstuck.enqueue(type, value, toEnqueueOptions(options));
    if (options.wait !== true) {
      showEnqueued(screen, enqueued);
      return EXIT.ok;
    }
    screen.hint(inWords(enqueued));
    const job = await waitForJob(unstuck, enqueued.id, options.timeout, screen);
    if (job === undefined) return EXIT.interrupted;
    showJob(screen, job, await unstuck.history(job.id));
    return exitCodeOfEnd(job);
  });
}

/** The value of an input as it was given: JSON itself, `@file`, or `-` for standard input. Throws REQUEST_INVALID or INPUT_UNSTORABLE. */
export function inputValue(input: string): unknown {
  return parseJson(readInput(input), input === '-' ? 'standard input' : 'the input');
}

function readInput(input: string): string {
  if (input !== '-' && !input.startsWith('@')) return input;
  try {
    return readFileSync(input === '-' ? 0 : input.slice(1), 'utf8');
  } catch (cause) {
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected to read the input from ${input === '-' ? 'standard input' : input.slice(1)}, got: ${(cause as Error).message}.`,
      { cause },
    );
  }
}

function toEnqueueOptions(options: EnqueueCommandOptions): EnqueueOptions {
  const { priority, delay, claimWithin, key, hold, tag } = options;
  return Object.fromEntries(
    Object.entries({
      priority,
      delay,
      claimWithin,
      key,
      hold,
      tags: tag,
      runAt: toDate(options.runAt, '--run-at'),
      finishBy: toDate(options.finishBy, '--finish-by'),
    }).filter(([, value]) => value !== undefined),
  );
}

/** Reads a time; one without an offset would mean another instant on another machine. Throws TIME_INVALID. */
export function toDate(text: string | undefined, flag: string): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  const exact = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)$/;
  if (exact.test(text) && !Number.isNaN(date.getTime())) return date;
  throw unstuckError(
    'TIME_INVALID',
    `Expected ${flag} to be a time with its offset such as 2027-01-31T09:00:00Z, got ${JSON.stringify(text)}.`,
  );
}

/** Writes what became of an enqueue. */
export function showEnqueued(screen: Screen, enqueued: Enqueued): void {
  if (screen.json) screen.value(enqueued);
  else if (screen.tty) screen.line(inWords(enqueued));
  else screen.line(`${enqueued.id}\t${enqueued.reason}`);
}

function inWords({ id, created }: Enqueued): string {
  if (created) return `Enqueued ${id}. Look at it: ${commandName()} job show ${id}`;
  return `Stored nothing: the live job ${id} has this key.`;
}
