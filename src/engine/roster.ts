/** Roster: the attempts that a worker holds: claimed, running, ended and not written yet, and those left behind. */
import { Members } from '../std/members.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import type { AttemptRef } from './lifeline-messages.ts';

/** What a roster tells its worker. */
export interface RosterHooks {
  /** A handler has ended or was left behind; its slot is free. */
  ended(attempt: Attempt, decision: AttemptEnd['decision']): void;
  /** A handler did not return and was left behind. */
  leftBehind(attempt: Attempt, ghosts: number): void;
  /** A handler that was left behind has returned after all. */
  returnedLate(attempt: Attempt, decision: AttemptEnd['decision']): void;
}

const CLAIM_MAX = 500;
/** Jobs are fetched ahead of a free slot only while the handlers of every type take less than this: a slower job never waits in a worker's memory. */
const QUICK_MS = 10;
/** So many that the last of them starts within this time, as long as handlers stay as quick as they are. */
const AHEAD_MS = 50;
const AHEAD_MAX = 2 * CLAIM_MAX;

/** Keeps count of slots and of what is held. */
export class Roster {
  #concurrency: number;
  #types: readonly string[];
  #hooks: RosterHooks;
  /** Every attempt that is held until its end is written. */
  #held = new Members<Attempt>();
  #active = 0;
  /** Claimed and not started yet. */
  #ready: Attempt[] = [];
  /** Started in this turn of the event loop. */
  #unarmed: Attempt[] = [];
  #ghosts = new Set<Attempt>();
  /** How long the handlers of a type take; a type that has not run counts as slow. */
  #meanMs = new Map<string, number>();

  constructor(concurrency: number, types: readonly string[], hooks: RosterHooks) {
    this.#concurrency = concurrency;
    this.#types = types;
    this.#hooks = hooks;
  }

  /** How many handlers run. */
  get active(): number {
    return this.#active;
  }

  /** Attempts whose handlers run. */
  get running(): readonly Attempt[] {
    return this.#held.all().filter((attempt) => attempt.active);
  }

  /** Everything held. */
  get held(): readonly Attempt[] {
    return this.#held.all();
  }

  /** How many handlers never returned. */
  get ghosts(): number {
    return this.#ghosts.size;
  }

  /** Whether nothing runs and nothing waits to run. */
  get idle(): boolean {
    return this.#active === 0 && this.#ready.length === 0;
  }

  /** How many more jobs may be claimed, besides `claiming` that are on their way. */
  room(claiming: number): number {
    const taken = this.#active + this.#ready.length + claiming;
    return Math.min(CLAIM_MAX, this.#concurrency + this.#ahead() - taken);
  }

  #ahead(): number {
    const slowest = this.#types.reduce(
      (most, type) => Math.max(most, this.#meanMs.get(type) ?? QUICK_MS),
      0,
    );
    if (slowest >= QUICK_MS) return 0;
    return Math.min(AHEAD_MAX, Math.floor((AHEAD_MS * this.#concurrency) / slowest));
  }

  /** Whether this worker holds an attempt of this job. */
  holds(id: string): boolean {
    return this.#held.find(({ row }) => row.id === id) !== undefined;
  }

  /** The held attempt of a job with this token. */
  find(ref: AttemptRef): Attempt | undefined {
    return this.#held.find(({ row }) => row.id === ref.id && row.token === ref.token);
  }

  /** The fences of everything held under a worker id. */
  refs(workerId: string): AttemptRef[] {
    const own = this.held.filter((attempt) => attempt.workerId === workerId);
    return own.map(({ row }) => ({ id: row.id, token: row.token }));
  }

  /** Holds attempts that are not to be started yet. One of the same job that is held has been lost: it was cancelled and retried within one heartbeat. */
  hold(attempts: readonly Attempt[]): void {
    const jobs = new Set(attempts.map(({ row }) => row.id));
    for (const held of this.held) if (jobs.has(held.row.id)) held.abort('lost');
    for (const attempt of attempts) this.#held.add(attempt);
  }

  /** Adds held attempts to those that start as slots become free; `startReady` starts the first. */
  queue(attempts: readonly Attempt[]): void {
    this.#ready.push(...attempts);
  }

  /** Starts what has a slot. */
  startReady(): void {
    while (this.#ready.length > 0 && this.#active < this.#concurrency) {
      const attempt = this.#ready.shift();
      if (attempt !== undefined) this.start(attempt);
    }
  }

  /** Starts an attempt now. */
  start(attempt: Attempt): void {
    attempt.active = true;
    this.#active += 1;
    if (this.#unarmed.push(attempt) === 1) setImmediate(() => this.#arm());
    void attempt.run().then((end) => this.#ended(attempt, end));
  }

  /** Takes out those that were claimed and not started. */
  takeReady(): Attempt[] {
    return this.#ready.splice(0);
  }

  /** Takes out those that were fetched ahead more than `olderMs` ago; if there are any, what was quick is not, and must show it again. */
  takeStale(olderMs: number): Attempt[] {
    const now = monotonicMs();
    const isStale = (attempt: Attempt): boolean => now - attempt.claimedAt > olderMs;
    const stale = this.#ready.filter(isStale);
    if (stale.length > 0) {
      this.#ready = this.#ready.filter((attempt) => !isStale(attempt));
      this.#meanMs.clear();
    }
    return stale;
  }

  /** Takes one out that was not started; false when its handler runs. */
  drop(attempt: Attempt): boolean {
    if (attempt.active) return false;
    this.#ready = this.#ready.filter((waiting) => waiting !== attempt);
    return true;
  }

  /** Holds an attempt no longer: its end is written, or is not ours to write. */
  forget(attempt: Attempt): void {
    this.#held.delete(attempt);
  }

  #arm(): void {
    for (const attempt of this.#unarmed.splice(0)) attempt.arm();
  }

  #ended(attempt: Attempt, end: AttemptEnd): void {
    attempt.active = false;
    this.#active -= 1;
    attempt.ending = true;
    const took = monotonicMs() - (attempt.startedAt ?? 0);
    const { type } = attempt.row;
    const mean = this.#meanMs.get(type) ?? took;
    this.#meanMs.set(type, 0.95 * mean + 0.05 * took);
    if (end.handler !== undefined) this.#haunt(attempt, end.handler);
    this.#hooks.ended(attempt, end.decision);
  }

  /** A handler that never returned keeps its memory but not its slot. */
  #haunt(attempt: Attempt, handler: NonNullable<AttemptEnd['handler']>): void {
    this.#ghosts.add(attempt);
    void handler.then((decision) => {
      this.#ghosts.delete(attempt);
      this.#hooks.returnedLate(attempt, decision);
    });
    this.#hooks.leftBehind(attempt, this.#ghosts.size);
  }
}
