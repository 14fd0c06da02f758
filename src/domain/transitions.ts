/** The state machine as data: from it come the SQL guards, the drawing in the docs and the property tests. */

/** The states of a job; the last three are the ends. */
export const STATES = ['pending', 'queued', 'running', 'completed', 'failed', 'cancelled'] as const;

/** A state of a job. */
export type State = (typeof STATES)[number];

/** The states in which a job is finished. */
export const END_STATES = ['completed', 'failed', 'cancelled'] as const;

/** A state in which a job is finished. */
export type EndState = (typeof END_STATES)[number];

/** The gates at which a pending job can stand, in the order in which it passes them. */
export const GATES = [
  'admit',
  'hold',
  'slot',
  'time',
  'retry',
  'target',
  'limit',
  'executions',
] as const;

/** One way in which a job may change its state. */
export interface Transition {
  readonly from: readonly State[];
  readonly to: readonly State[];
  /** Whether only the holder of the attempt's token may do it. */
  readonly needsToken: boolean;
  /** Who does it. */
  readonly by: 'producer' | 'engine' | 'sweep' | 'worker' | 'person';
  readonly meaning: string;
}

/** Every legal change of state, by its verb. There is no other. */
export const TRANSITIONS = {
  admit: {
    from: ['pending'],
    to: ['queued', 'pending'],
    needsToken: false,
    by: 'sweep',
    meaning: 'a row inserted by hand gets the settings of its type',
  },
  release: {
    from: ['pending'],
    to: ['queued', 'pending'],
    needsToken: false,
    by: 'person',
    meaning: 'a held job is made ready',
  },
  promote: {
    from: ['pending'],
    to: ['queued', 'pending'],
    needsToken: false,
    by: 'sweep',
    meaning: 'its time has come',
  },
  letIn: {
    from: ['pending'],
    to: ['queued', 'pending'],
    needsToken: false,
    by: 'engine',
    meaning:
      'there is a slot, a place at its limit, a target that answers, or the end of its executions',
  },
  yield: {
    from: ['queued'],
    to: ['pending'],
    needsToken: false,
    by: 'engine',
    meaning: 'nobody can run it now: it gives its place at the limit to one that can be run',
  },
  park: {
    from: ['queued'],
    to: ['pending'],
    needsToken: false,
    by: 'sweep',
    meaning: 'none of its targets can take it now: it waits for one, and no attempt is charged',
  },
  claim: {
    from: ['queued'],
    to: ['running'],
    needsToken: false,
    by: 'worker',
    meaning: 'a worker takes it under a new token',
  },
  complete: {
    from: ['running'],
    to: ['completed'],
    needsToken: true,
    by: 'worker',
    meaning: 'the handler returned',
  },
  fail: {
    from: ['running'],
    to: ['failed'],
    needsToken: true,
    by: 'worker',
    meaning: 'no attempt is left, or the handler said Fail',
  },
  stop: {
    from: ['running'],
    to: ['cancelled'],
    needsToken: true,
    by: 'worker',
    meaning: 'the handler said Cancel',
  },
  defer: {
    from: ['running'],
    to: ['pending'],
    needsToken: true,
    by: 'worker',
    meaning:
      'it goes on later: retry, snooze, a target that answers again, or the end of its executions',
  },
  giveBack: {
    from: ['running'],
    to: ['queued'],
    needsToken: true,
    by: 'worker',
    meaning: 'the worker stops and returns it uncharged',
  },
  reclaim: {
    from: ['running'],
    to: ['queued', 'failed'],
    needsToken: true,
    by: 'sweep',
    meaning: 'its worker is dead; the third loss ends it as poison',
  },
  timeOut: {
    from: ['running'],
    to: ['pending', 'failed'],
    needsToken: true,
    by: 'sweep',
    meaning: 'it ran past its timeout',
  },
  expire: {
    from: ['pending', 'queued'],
    to: ['failed'],
    needsToken: false,
    by: 'sweep',
    meaning: 'its finishBy has passed',
  },
  quarantine: {
    from: ['pending', 'queued', 'running'],
    to: ['failed'],
    needsToken: false,
    by: 'sweep',
    meaning: 'the healer met the same error on it three times',
  },
  cancel: {
    from: ['pending', 'queued', 'running'],
    to: ['cancelled'],
    needsToken: false,
    by: 'person',
    meaning: 'somebody cancelled it; a running handler is told',
  },
  retry: {
    from: ['failed', 'cancelled', 'completed'],
    to: ['queued', 'pending'],
    needsToken: false,
    by: 'person',
    meaning: 'a finished job is run again',
  },
  reset: {
    from: ['running'],
    to: ['queued'],
    needsToken: false,
    by: 'person',
    meaning: 'it has run for too long; the attempt is fenced off, uncharged',
  },
  delete: {
    from: ['pending', 'queued', 'completed', 'failed', 'cancelled'],
    to: [],
    needsToken: false,
    by: 'person',
    meaning: 'it is removed with everything that belongs to it',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
TRANSITIONS satisfies Record<string, Transition>;

/** The name of a transition. */
export type Verb = keyof typeof TRANSITIONS;

/** Tells whether a verb may be applied to a job in this state. */
export function allows(verb: Verb, state: State): boolean {
  return (TRANSITIONS[verb].from as readonly State[]).includes(state);
}
