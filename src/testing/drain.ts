/** Drain: works in this process until nothing is left to do now. */
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { StateCount } from '../engine/status.ts';
import { type Duration, parseDuration } from '../std/duration.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import type { Unstuck } from '../unstuck.ts';

/** How long and how wide. */
export interface DrainOptions {
  /** How long after its worker has started it gives up with WAIT_TIMEOUT. Default 30 s. */
  readonly timeout?: Duration;
  /** Handlers at once. Default 10. */
  readonly concurrency?: number;
}

const TIMEOUT_MS = 30_000;
const LOOK_MS = 20;

/**
 * Runs the jobs of these types until none is queued, running or due, none waits for a slot, a limit or its executions, and no schedule of theirs is
 * due, then stops the worker. Jobs that are held, or whose time or retry lies in the future, stay: move the clock and drain again. Throws
 * WAIT_TIMEOUT, naming what is left.
 */
export async function drain(
  unstuck: Unstuck,
  jobs: readonly AnyJob[],
  options: DrainOptions = {},
): Promise<void> {
  const { concurrency } = options;
  const worker = await unstuck.work(jobs, concurrency === undefined ? {} : { concurrency });
  const until = monotonicMs() + (parseDuration(options.timeout) ?? TIMEOUT_MS);
  try {
    const types = new Set(jobs.map((job) => job.type));
    for (;;) {
      // The schedules first: one that is fired in between has its job in the counts.
      const schedules = await unstuck.schedules.list();
      const { live, now } = await unstuck.status();
      const left = live.filter((group) => types.has(group.type) && isDue(group));
      const unfired = schedules.filter(
        (schedule) => types.has(schedule.type) && isUnfired(schedule, now),
      );
      if (left.length + unfired.length === 0) return;
      if (monotonicMs() > until) throw tooLate(left, unfired);
      await sleep(LOOK_MS);
    }
  } finally {
    await worker.stop();
  }
}

/** The gates that a job leaves by itself when others end. */
const OPENED: ReadonlySet<string | null> = new Set(['admit', 'slot', 'limit', 'executions']);

function isDue({ state, waitsFor, late }: StateCount): boolean {
  if (state !== 'pending') return true;
  return OPENED.has(waitsFor) || (waitsFor !== 'hold' && late > 0);
}

/** A schedule whose time has come is fired by the sweep of the worker. */
function isUnfired({ nextAt, paused, error }: Schedule, now: Date): boolean {
  return nextAt <= now && paused === null && error === null;
}

function tooLate(left: readonly StateCount[], unfired: readonly Schedule[]): Error {
  const groups = [
    ...left.map(({ count, state, type }) => `${count} ${state} ${type}`),
    ...unfired.map(({ name }) => `the schedule ${name}`),
  ];
  return unstuckError(
    'WAIT_TIMEOUT',
    `Expected the jobs to be done in time, left are ${groups.join(', ')}. Raise timeout, or look why they do not end.`,
  );
}
