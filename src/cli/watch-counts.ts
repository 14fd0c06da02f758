/** Says how many jobs there are, in one calm line, when that has changed. */
import type { Status } from '../engine/status.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import type { Unstuck } from '../unstuck.ts';
import { commandName } from './command-name.ts';
import type { Screen } from './screen.ts';

const EVERY_MS = 5_000;
/** Counting many jobs takes time; it may take a twentieth of it. */
const REST_FACTOR = 20;
const STATES = ['pending', 'queued', 'running', 'completed', 'failed', 'cancelled'] as const;

/** Watches until the signal aborts; never rejects. */
export async function watchCounts(
  unstuck: Unstuck,
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    const from = monotonicMs();
    const text = await unstuck.status().then(inWords, () => 'the database does not answer');
    if (signal.aborted) return;
    if (text !== last && !screen.json)
      screen.line(`${new Date().toLocaleTimeString('en-GB')}  ${text}`);
    last = text;
    await sleep(Math.max(EVERY_MS, REST_FACTOR * (monotonicMs() - from)), signal);
  }
}

/** `3 queued, 1 running, 118 completed; nothing is stuck`. */
export function inWords(found: Status): string {
  const counts = STATES.map((state) => {
    const groups = [...found.live, ...found.finished].filter((group) => group.state === state);
    const count = groups.reduce((sum, group) => sum + group.count, 0);
    return count === 0 ? undefined : `${count} ${state}`;
  }).filter((text) => text !== undefined);
  const jobs = counts.length === 0 ? 'no jobs yet' : counts.join(', ');
  if (found.stuck > 0) return `${jobs}; ${found.stuck} STUCK: see ${commandName()} stuck`;
  if (found.late > 0) return `${jobs}; ${found.late} late: see ${commandName()} stuck`;
  return `${jobs}; nothing is stuck`;
}
