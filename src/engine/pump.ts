/** Pump: writes what has ended and claims what there is room for, both in one statement, again and again. */
import type { Log } from '../domain/log.ts';
import type { ClaimRow } from '../sql/claim.ts';
import { Loop, stalledOf } from '../std/loop.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import type { Alone } from './alone.ts';
import type { Attempt } from './attempt.ts';
import type { Claimed, Claimer } from './claimer.ts';
import { type AttemptRef, BEATS_PER_LEASE } from './lifeline-messages.ts';
import { OpenClaim } from './open-claim.ts';
import type { Roster } from './roster.ts';
import type { Settler } from './settler.ts';

/** The parts of a worker that its pump moves jobs between. */
export interface PumpParts {
  readonly roster: Roster;
  readonly settler: Settler;
  readonly alone: Alone;
}

/** What a pump asks of its worker. */
export interface PumpHooks {
  /** The claimer of the worker's present identity; undefined while it takes no jobs. */
  claimer(): Claimer | undefined;
  attempt(workerId: string, row: ClaimRow): Attempt;
  /** These attempts are not the worker's any more. */
  lose(attempts: readonly (AttemptRef & { readonly cancelled: boolean })[]): void;
  release(attempt: Attempt): void;
}

/** An idle worker looks for work with one of its loops; the other is woken when there is more than that one can take, and looks by itself this much seldomer. */
const SECOND_POLLS = 10;
/** So many turns of the event loop after a full claim its loop has sent the next one, if nothing holds it up. */
const TURNS_TO_CLAIM = 3;

/** Two loops, so that one statement is on its way while the other's jobs are started. */
export class Pump {
  #database: Database;
  #parts: PumpParts;
  #hooks: PumpHooks;
  #loops: Loop[];
  #claiming = 0;
  /** It was woken while all there is room for was being claimed: that claim may have begun too early to see the job. */
  #unseen = false;
  /** The last claim failed. */
  #failing = false;
  /** A job waits that must run alone: it is tried for before others are claimed. */
  #aloneWaits = false;

  constructor(database: Database, parts: PumpParts, hooks: PumpHooks, log: Log) {
    this.#database = database;
    this.#parts = parts;
    this.#hooks = hooks;
    const onError = (error: unknown, loop: string): void =>
      log.warn('loop_failed', { loop, error });
    const { pollInterval } = database.config;
    const polls = { pump: pollInterval, 'second pump': SECOND_POLLS * pollInterval };
    // A loop that finds its room taken by a claim of the other has done nothing, and claims fail. Without one on its way it had nothing to do.
    const isGood = (): boolean => !this.#failing || this.#claiming === 0;
    this.#loops = Object.entries(polls).map(
      ([name, pollMs], own) =>
        new Loop({ name, round: () => this.#round(pollMs, own), onError, isGood }),
    );
  }

  /** Starts its loops. */
  start(): void {
    for (const loop of this.#loops) loop.start();
  }

  /** Looks for work, and for ends to write, now; the loop that is not waiting for a claim does it. */
  wake(): void {
    this.#loops[this.#claiming > 0 ? 1 : 0]?.wake();
  }

  /** The names of its loops that have no pulse. */
  get stalled(): string[] {
    return stalledOf(this.#loops);
  }

  /** Starts no further round; resolves when those that run have ended. */
  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  async #round(intervalMs: number, own: number): Promise<number> {
    // One turn of the event loop, so that handlers that end together are written together.
    await new Promise(setImmediate);
    const { settler, alone } = this.#parts;
    const pollMs = intervalMs * (0.9 + Math.random() * 0.2);
    const apart = settler.flushApart();
    const claimer = this.#hooks.claimer();
    if (claimer !== undefined && this.#aloneWaits) this.#aloneWaits = await alone.take(claimer);
    const room = this.#room();
    if (claimer === undefined || room <= 0) {
      this.#unseen ||= this.#claiming > 0;
      await Promise.all([apart, settler.flush()]);
      return settler.waiting > 0 ? 0 : pollMs;
    }
    const [claimed] = await Promise.all([this.#finishAndClaim(claimer, room), apart]);
    this.#aloneWaits ||= claimed.alone;
    // More may have ended than one statement takes, and nobody wakes for those again.
    const again = claimed.again || claimed.jobs.length >= room || this.#unseen;
    this.#unseen = false;
    const more = again && this.#room() > 0;
    if (more) this.#loops[1 - own]?.wake();
    return more || settler.waiting > 0 ? 0 : pollMs;
  }

  #room(): number {
    return this.#parts.alone.occupied ? 0 : this.#parts.roster.room(this.#claiming);
  }

  async #finishAndClaim(claimer: Claimer, room: number): Promise<Claimed> {
    const { settler } = this.#parts;
    const batch = settler.take();
    this.#claiming += room;
    let claimed: Claimed;
    try {
      claimed = await claimer.claim(room, batch.length === 0 ? undefined : settler.encode(batch));
      this.#failing = false;
    } catch (error) {
      this.#failing = true;
      if (batch.length > 0) await settler.failed(batch, error);
      throw error;
    } finally {
      this.#claiming -= room;
    }
    const taken = this.#take(claimer, claimed, claimed.jobs.length >= room);
    if (batch.length > 0) await settler.written(batch, claimed.refused);
    await taken;
    return claimed;
  }

  /** A reply that took longer than a beat may be about jobs that the lifeline has given back: those are confirmed first. */
  async #take(claimer: Claimer, claimed: Claimed, isFull: boolean): Promise<void> {
    const { roster, alone } = this.#parts;
    const { claimId, jobs } = claimed;
    const claim = new OpenClaim(claimId, jobs.length, claimer.over);
    const attempts = jobs.map((row) => this.#hooks.attempt(claimer.workerId, row));
    for (const attempt of attempts) attempt.claim = claim;
    roster.hold(attempts);
    const beatMs = this.#database.config.lease / BEATS_PER_LEASE;
    if (monotonicMs() - claimed.sentAt > beatMs) await this.#confirm(claimer, attempts);
    const ours = attempts.filter((attempt) => attempt.cause === undefined);
    // What was on its way while a job began to run alone would run beside it; before that, it waits for these.
    if (this.#hooks.claimer() === claimer && !alone.running) {
      roster.queue(ours);
      // While there is more, when the next claim is on its way: PostgreSQL works on that while handlers run.
      inTurns(isFull && this.#room() > 0 ? TURNS_TO_CLAIM : 0, () => roster.startReady());
    } else for (const attempt of ours) this.#hooks.release(attempt);
  }

  async #confirm(claimer: Claimer, attempts: readonly Attempt[]): Promise<void> {
    try {
      const refs = attempts.map(({ row }) => ({ id: row.id, token: row.token }));
      this.#hooks.lose(await claimer.findForeign(refs));
    } catch (error) {
      for (const attempt of attempts) this.#hooks.release(attempt);
      throw error;
    }
  }
}

/** Calls it that many turns of the event loop later. */
function inTurns(turns: number, call: () => void): void {
  if (turns === 0) call();
  else setImmediate(() => inTurns(turns - 1, call));
}
