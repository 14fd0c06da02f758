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
  /** Whether the worker takes jobs. */
  live(): boolean;
}

/** At most one job at a time: claimed at once, started when everything else in this process has ended. */
export class Alone {
  #roster: Roster;
  #log: Log;
  #hooks: AloneHooks;
  #taking = false;
  #current: { readonly attempt: Attempt; readonly claimer: Claimer; starting: boolean } | undefined;

  constructor(roster: Roster, log: Log, hooks: AloneHooks) {
    this.#roster = roster;
    this.#log = log;
    this.#hooks = hooks;
  }

  /** Whether a job waits or runs here, or is being claimed: then nothing else may be claimed. */
  get occupied(): boolean {
    return this.#taking || this.#current !== undefined;
  }

  /** Claims one, if one waits; what was fetched ahead goes back. */
  async take(claimer: Claimer): Promise<void> {
    if (this.occupied || !this.#hooks.live()) return;
    const row = await this.#claim(claimer);
    if (row === undefined) return;
    const attempt = this.#hooks.attempt(claimer.workerId, row);
    this.#roster.hold(attempt);
    this.#current = { attempt, claimer, starting: false };
    for (const waiting of this.#roster.takeReady()) this.#hooks.release(waiting);
    this.startWhenAlone();
  }

  /** Two pumps may come at once: the second would put its job in the place of the first, which nobody would start. */
  async #claim(claimer: Claimer): Promise<ClaimRow | undefined> {
    this.#taking = true;
    try {
      return await claimer.claimAlone(this.#roster.idle);
    } finally {
      this.#taking = false;
    }
  }

  /** Starts it when nothing else runs; its timeout begins then. */
  startWhenAlone(): void {
    const current = this.#current;
    if (current === undefined || current.starting) return;
    if (!this.#hooks.live()) return this.drop();
    if (this.#roster.active.size > 0) return;
    current.starting = true;
    current.claimer.startAlone(current.attempt.row).then(
      (ours) => (ours && this.#hooks.live() ? this.#roster.start(current.attempt) : this.drop()),
      (error: unknown) => {
        this.#log.warn('start_alone_failed', { job: current.attempt.row.id, error });
        current.starting = false;
      },
    );
  }

  /** Keeps the time of one that still waits from running out: called once a second. */
  async keep(): Promise<void> {
    const current = this.#current;
    if (current === undefined || current.starting) return;
    if (!(await current.claimer.startAlone(current.attempt.row)) && this.#current === current)
      this.drop();
    this.startWhenAlone();
  }

  /** An attempt ended; if it was this one, others may run again. */
  ended(attempt: Attempt): void {
    if (this.#current?.attempt === attempt) this.#current = undefined;
  }

  /** Gives one that has not started back. */
  drop(): void {
    const current = this.#current;
    if (current === undefined || this.#roster.active.has(current.attempt)) return;
    this.#current = undefined;
    this.#hooks.release(current.attempt);
  }
}
