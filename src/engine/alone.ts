/** Alone: a job that was lost with its worker runs by itself in its process the next time, so that neighbours of a poison job survive. */
import type { Log } from '../domain/log.ts';
import type { ClaimRow } from '../sql/claim.ts';
import type { Attempt } from './attempt.ts';
import type { Claimer } from './claimer.ts';
import type { Roster } from './roster.ts';

/** What the worker does with attempts on this one's behalf. */
export interface AloneHooks {
  attempt(workerId: string, row: ClaimRow): Attempt;
  /** Gives an attempt back uncharged. */
  release(attempt: Attempt): void;
  /** The claimer of the worker's present identity; undefined while it takes no jobs. */
  claimer(): Claimer | undefined;
}

interface Current {
  readonly attempt: Attempt;
  readonly claimer: Claimer;
  /** Its start is on its way, or it runs. */
  started: boolean;
}

/** At most one job at a time: claimed at once, started when everything else in this process has ended. */
export class Alone {
  #roster: Roster;
  #log: Log;
  #hooks: AloneHooks;
  #taking = false;
  #current: Current | undefined;

  constructor(roster: Roster, log: Log, hooks: AloneHooks) {
    this.#roster = roster;
    this.#log = log;
    this.#hooks = hooks;
  }

  /** Whether a job waits or runs here, or is being claimed: then nothing else may be claimed. */
  get occupied(): boolean {
    return this.#taking || this.#current !== undefined;
  }

  /** Whether a job runs here by itself: then nothing else may start. */
  get running(): boolean {
    return this.#current?.started === true;
  }

  /** Claims one, if one waits; answers whether it did. Two pumps may come at once: the second finds it occupied. */
  async take(claimer: Claimer): Promise<boolean> {
    if (this.occupied || this.#hooks.claimer() !== claimer) return false;
    this.#taking = true;
    try {
      const row = await claimer.claimAlone(this.#roster.idle);
      if (row !== undefined) this.#place(claimer, row);
      return row !== undefined;
    } finally {
      this.#taking = false;
    }
  }

  /** Starts it when nothing else runs; its timeout begins then. */
  startWhenAlone(): void {
    const current = this.#current;
    if (current === undefined || current.started || !this.#roster.idle) return;
    current.started = true;
    current.claimer.stampAlone(current.attempt, 'start').then(
      (ours) => this.#start(current, ours),
      (error: unknown) => {
        this.#log.warn('start_alone_failed', { job: current.attempt.row.id, error });
        current.started = false;
      },
    );
  }

  /** Keeps the time of one that still waits from running out: called once a second. */
  async keep(): Promise<void> {
    const current = this.#current;
    if (current === undefined || current.started) return;
    const ours = await current.claimer.stampAlone(current.attempt, 'wait');
    if (!ours && !current.started) this.#drop(current);
    this.startWhenAlone();
  }

  /** An attempt ended, or was lost; if it was this one, others may run again. */
  ended(attempt: Attempt): void {
    if (this.#current?.attempt === attempt) this.#current = undefined;
  }

  /** Gives one that has not started back. */
  drop(): void {
    if (this.#current !== undefined) this.#drop(this.#current);
  }

  #place(claimer: Claimer, row: ClaimRow): void {
    const attempt = this.#hooks.attempt(claimer.workerId, row);
    this.#roster.hold([attempt]);
    this.#current = { attempt, claimer, started: false };
    if (this.#hooks.claimer() === claimer) this.startWhenAlone();
    else this.drop();
  }

  /** Between the question and the answer it may have been cancelled, dropped, or lost with the worker's identity. */
  #start(current: Current, ours: boolean): void {
    if (this.#current !== current) return;
    const wanted = ours && current.attempt.cause === undefined;
    if (wanted && this.#hooks.claimer() === current.claimer) this.#roster.start(current.attempt);
    else this.#drop(current);
  }

  #drop(current: Current): void {
    if (this.#current !== current || current.attempt.active) return;
    this.#current = undefined;
    this.#hooks.release(current.attempt);
  }
}
