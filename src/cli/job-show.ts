/** `unstuck job show`: one job with everything that is known of it. */

import type { JobDelivery } from '../domain/delivery.ts';
import { unstuckError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import { jobJson, snakeJson } from '../domain/json.ts';
import type { Sending } from '../features/targets.ts';
import type { HistoryEntry } from '../storage/jobs.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { type Fact, showFacts } from './show-facts.ts';
import { exitCodeOfEnd, waitForJob } from './wait-for-job.ts';

/** Whether to wait first. */
export interface JobShowOptions extends Globals {
  readonly wait?: boolean;
  readonly timeout?: string;
}

/** Runs the command: exit code 3 when there is no such job; with --wait 7 when it failed. */
export async function jobShow(options: JobShowOptions, id: string): Promise<number> {
  const screen = openScreen(options.output);
  return withUnstuck(options, async (unstuck) => {
    if (options.wait === true && (await unstuck.get(id)) !== undefined) {
      const ended = await waitForJob(unstuck, id, options.timeout, screen);
      if (ended === undefined) return EXIT.interrupted;
    }
    const job = await unstuck.get(id);
    if (job === undefined)
      throw unstuckError('JOB_NOT_FOUND', `There is no job ${id}.`, { detail: { id } });
    showJob(screen, job, await unstuck.history(id), await unstuck.targets.sendingOf(job));
    return options.wait === true ? exitCodeOfEnd(job) : EXIT.ok;
  });
}

/** Writes a job, what happened to it, and how its sending to a remote worker stands. */
export function showJob(
  screen: Screen,
  job: Job,
  history: readonly HistoryEntry[],
  sending: Sending | null,
): void {
  if (screen.json) {
    const sent = { sending: snakeJson(sending) };
    screen.value({ ...jobJson(job), ...sent, history: history.map(entryJson) });
    return;
  }
  const now = new Date();
  showFacts(screen, factsOf(job, screen, now));
  if (sending !== null) showFacts(screen, sendingFacts(sending, screen, now));
  for (const entry of history) {
    const { at, kind, attempt, by, reason } = entry;
    const who = attempt === null ? (by ?? '-') : `attempt ${attempt}`;
    const cells = [screen.time(at, now), kind, who, reason ?? ''];
    screen.line(
      screen.tty
        ? `${screen.paint('history'.padEnd(12), 'gray')} ${cells.join('  ')}`
        : ['history', ...cells].join('\t'),
    );
  }
}

function entryJson({ detail, ...entry }: HistoryEntry): Record<string, unknown> {
  return { ...(snakeJson(entry) as object), detail };
}

function factsOf(job: Job, screen: Screen, now: Date): readonly Fact[] {
  return [
    ['id', job.id],
    ['type', job.type],
    ['state', job.late ? `${job.state} (late)` : job.state],
    ['waits for', job.waitsFor],
    ['deadline', job.deadline && screen.time(job.deadline, now)],
    ['next', job.next],
    ['attempt', `${job.attempt} of ${job.attemptsMax}`],
    ['crashes', job.crashes === 0 ? null : String(job.crashes)],
    ['priority', job.priority === 0 ? null : String(job.priority)],
    ['key', job.key],
    ['pool', job.pool],
    ['limit', job.limitKey],
    ['parent', job.parentId],
    ['ordinal', job.ordinal === null ? null : String(job.ordinal)],
    ['traceparent', job.traceparent],
    ['tags', job.tags.length === 0 ? null : job.tags.join(', ')],
    ...job.notify.map((one): Fact => ['notify', toldInWords(one)]),
    ['progress', progressOf(job)],
    ['created', screen.time(job.createdAt, now)],
    ['started', job.startedAt && screen.time(job.startedAt, now)],
    ['finished', job.finishedAt && screen.time(job.finishedAt, now)],
    ['reason', job.reason],
    ['error', job.error && `${job.error.code}: ${job.error.message}`],
    ['input', JSON.stringify(job.input)],
    ['result', job.result === null ? null : JSON.stringify(job.result)],
  ];
}

function sendingFacts(sending: Sending, screen: Screen, now: Date): readonly Fact[] {
  const { target, url, words, lastError, sentTimes, parkedTimes, probes } = sending;
  const at = (time: Date | null): string => screen.time(time, now);
  return [
    ['target', url === null ? `${target} (not known any more)` : `${target} (${url})`],
    ['target is', words],
    ['parked', parkedTimes === 0 ? null : `${at(sending.parkedAt)} (${parkedTimes} times)`],
    ['sent', sentTimes === 0 ? null : `${at(sending.lastSentAt)} (${sentTimes} times)`],
    ['accepted', sending.acceptedAt && at(sending.acceptedAt)],
    ['heard of', sending.heardAt && at(sending.heardAt)],
    ['probes', probes === 0 ? null : `${probes}, the last ${at(sending.lastProbeAt)}`],
    ['next probe', sending.nextProbeAt && at(sending.nextProbeAt)],
    ['target error', lastError && `${lastError.code}: ${lastError.message}`],
  ];
}

function toldInWords({ channel, address, state, error }: JobDelivery): string {
  return `${channel} ${address}: ${state}${error === null ? '' : `, ${error.code}: ${error.message}`}`;
}

/** Of a finished job it would be that of some moment before the end. */
function progressOf({ progress, progressNote, finishedAt }: Job): string | null {
  if (progress === null || finishedAt !== null) return null;
  return `${Math.round(progress * 100)} %${progressNote === null ? '' : ` ${progressNote}`}`;
}
