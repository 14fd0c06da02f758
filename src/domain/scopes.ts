/** Scopes: what the holder of a token, or whoever else came in, may do over HTTP. */

/** What a route can ask for, the narrowest first. */
export const SCOPES = ['metrics', 'tick', 'enqueue', 'worker', 'read', 'write', 'admin'] as const;

/** One permission over HTTP. */
export type Scope = (typeof SCOPES)[number];

/** What each scope contains beside itself. */
const CONTAINS: Readonly<Record<Scope, readonly Scope[]>> = {
  metrics: [],
  tick: [],
  enqueue: [],
  worker: [],
  read: [],
  write: ['read', 'enqueue'],
  admin: SCOPES,
};

/** What each scope lets its holder do, in words. */
export const SCOPE_MEANINGS: Readonly<Record<Scope, string>> = {
  metrics: 'reads /metrics',
  tick: 'calls the ticks of an outside scheduler',
  enqueue: 'enqueues jobs, and sees no others',
  worker: 'claims jobs and ends them, as a worker of another language does',
  read: 'sees everything, changes nothing',
  write: 'reads, enqueues, and does what can be undone: cancel, retry, pause, release',
  admin: 'everything: deletes, capacities, limits, schedules, tokens',
};

/** Whether somebody who has `scopes` may do what asks for `wanted`. */
export function allows(scopes: readonly Scope[], wanted: Scope): boolean {
  return scopes.some((scope) => scope === wanted || CONTAINS[scope].includes(wanted));
}
