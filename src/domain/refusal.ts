/** Refusals: why a person's change of a job was not made, in the same words for one job and for many. */
import type { ErrorCode } from './errors.ts';
import { type State, TRANSITIONS, type Verb } from './transitions.ts';

/** One job that was left as it is. */
export interface Refusal {
  readonly id: string;
  /** Null when there is no such job. */
  readonly state: State | null;
  readonly code: ErrorCode;
  readonly message: string;
}

/** The job does not exist. */
export function noSuchJob(id: string): Refusal {
  const message = `There is no job ${id}. It never existed, or its retention has ended.`;
  return { id, state: null, code: 'JOB_NOT_FOUND', message };
}

/** Its state does not allow the change. */
export function wrongState(
  verb: Verb,
  {
    id,
    state,
    waitsFor,
  }: { readonly id: string; readonly state: State; readonly waitsFor?: string | null },
): Refusal {
  const what = verb === 'release' ? 'a held job' : `one of ${TRANSITIONS[verb].from.join(', ')}`;
  const gate = waitsFor === undefined || waitsFor === null ? '' : ` (waits for ${waitsFor})`;
  const message = `Expected job ${id} to be ${what} for ${verb}, it is ${state}${gate}.`;
  return { id, state, code: 'JOB_STATE_CONFLICT', message };
}

/** It moved every time that the change was tried. */
export function restless(verb: Verb, id: string, state: State): Refusal {
  const message = `Job ${id} changed its state three times while ${verb} was tried. Look at it, then try again.`;
  return { id, state, code: 'JOB_STATE_CONFLICT', message };
}

/** Another live job has its unique key. */
export function keyTaken(id: string, state: State): Refusal {
  const message = `Job ${id} cannot be retried: another live job has its unique key. Wait for that job to end, or cancel it.`;
  return { id, state, code: 'KEY_TAKEN', message };
}

/** A transaction of another session has locked the job or its key. */
export function jobBusy(id: string, state: State | null): Refusal {
  const message = `Job ${id}, or its unique key, is locked by a transaction of another session that is still open. End that transaction, then try again.`;
  return { id, state, code: 'JOB_BUSY', message };
}

/** PostgreSQL refused. */
export function changeRefused(id: string, state: State | null, why: string): Refusal {
  return {
    id,
    state,
    code: 'CHANGE_REFUSED',
    message: `PostgreSQL refused to change job ${id}: ${why}.`,
  };
}
