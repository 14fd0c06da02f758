/** What happens next to a job, in words that a person understands. */
import type { State } from './transitions.ts';

/** The counts that the words depend on. */
export interface NextFacts {
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly crashes: number;
}

/** Says what happens to a job at its deadline or before. */
export function nextInWords(state: State, waitsFor: string | null, facts: NextFacts): string {
  if (state === 'queued') {
    const alone =
      facts.crashes > 0 ? ', which runs it alone because it was lost with its worker before' : '';
    return `a worker that handles its type takes it${alone}; if none has by the deadline, a finding says why`;
  }
  if (state === 'running') {
    const then =
      facts.attempt < facts.attemptsMax
        ? `tried again (attempt ${facts.attempt} of ${facts.attemptsMax})`
        : 'failed as timed out (its last attempt)';
    return `it ends, or at the deadline it is aborted and ${then}; if its worker dies it runs again at once`;
  }
  if (state === 'pending')
    return GATE_WORDS[waitsFor ?? ''] ?? `it is looked at again at the deadline (gate ${waitsFor})`;
  return 'nothing: it is finished, and kept until its retention ends';
}

const GATE_WORDS: Readonly<Record<string, string>> = {
  admit: 'the sweep gives it the settings of its type and lets it into the queue',
  slot: 'it takes a slot of its pool as soon as one is free; if none was by the deadline, a finding says who holds them',
  target:
    'it is sent as soon as one of its targets answers again; if none did by the deadline, a finding says so',
  limit:
    'it enters the queue when its limit has room, by priority and then age; if there was none by the deadline, a finding says why',
  executions:
    'it goes on when its executions have ended; at the deadline they are looked at, and missing ones are created again',
  hold: 'somebody releases it; if nobody has by the deadline, a finding says so',
  time: 'at the deadline it enters the queue',
  retry: 'at the deadline it enters the queue for its next attempt',
};
