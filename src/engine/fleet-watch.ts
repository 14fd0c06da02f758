/** Fleet watch: finds out which workers are dead. Silence needs a lease, a lost lock its grace, proof nothing. */
import type { Log } from '../domain/log.ts';
import {
  clampLeases,
  findSuspects,
  markDead,
  pruneWorkers,
  type SuspectRow,
  serverUptime,
  watchLocks,
} from '../sql/fleet.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { isGone, thisProcess } from '../storage/host.ts';
import { isConnectionLost } from '../storage/postgres-errors.ts';
import { BEATS_PER_LEASE } from './lifeline-messages.ts';

/** How long a lost session lock is waited for: the same process may come back and keep its jobs. */
export const LOCK_GRACE_MS = 300;

/** The beats for which a worker may be silent after the first look. */
const FIRST_BEATS = 2;

/** A clock that went further than the monotonic one by this much has jumped. */
const JUMP_MS = 1_000;

/** Watches the workers from one process. */
export class FleetWatch {
  #database: Database;
  #log: Log;
  /** Monotonic time of the last own statement that failed because of the connection. */
  #troubleAt = Number.NEGATIVE_INFINITY;
  /** Monotonic time since which most of the fleet has been silent. */
  #massSince: number | undefined;

  /** Monotonic time at which the last look began; before the first one every lease may be over for long. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** The workers whose leases were over at the last look. */
  #over: ReadonlySet<string> = new Set();
  /** Monotonic time before which no silence is judged. */
  #frozenUntil = Number.NEGATIVE_INFINITY;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /** Looks once; returns whether any worker was declared dead. */
  async look(): Promise<boolean> {
    try {
      const suspects = await this.#findSuspects();
      if (suspects.length === 0) this.#massSince = undefined;
      return suspects.length > 0 && (await this.#judge(suspects));
    } catch (error) {
      if (isConnectionLost(error)) this.#troubleAt = monotonicMs();
      throw error;
    }
  }

  /** Deletes what ended workers left behind, and ends leases that a clock which jumped back left in the future (G2). */
  async prune(): Promise<void> {
    await this.#database.run(clampLeases);
    await this.#database.run(pruneWorkers);
  }

  /**
   * A lease cannot be over for longer than since the last look, at which it was not; if it is, the clock has jumped (G2), and silence is
   * judged again after one lease. The first look cannot tell, so whoever is alive gets the time for a beat.
   */
  async #findSuspects(): Promise<SuspectRow[]> {
    const startedAt = monotonicMs();
    const suspects = await this.#database.run(this.#database.pooled ? findSuspects : watchLocks);
    const sinceMs = monotonicMs() - this.#lookedAt;
    if (sinceMs === Number.POSITIVE_INFINITY) this.#freezeFor(FIRST_BEATS / BEATS_PER_LEASE);
    const jumped = suspects.find(
      ({ id, overdue_ms }) => !this.#over.has(id) && overdue_ms > sinceMs + JUMP_MS,
    );
    if (jumped !== undefined) {
      this.#freezeFor(1);
      this.#log.warn('clock_jumped', { about_ms: Math.round(jumped.overdue_ms) });
    }
    this.#lookedAt = startedAt;
    this.#over = new Set(suspects.filter((worker) => worker.lease_over).map(({ id }) => id));
    return suspects;
  }

  #freezeFor(leases: number): void {
    this.#frozenUntil = monotonicMs() + leases * this.#database.config.lease;
  }

  async #judge(suspects: readonly SuspectRow[]): Promise<boolean> {
    const self = thisProcess();
    const proven = suspects.filter((worker) =>
      isGone({ host: worker.host, pid: worker.pid, started: worker.pid_started }, self),
    );
    const dead = await this.#markDead(proven, true);
    const silent = suspects.filter(
      (worker) =>
        !proven.includes(worker) &&
        ((worker.lease_over && monotonicMs() >= this.#frozenUntil) ||
          (worker.lost_ms ?? 0) >= LOCK_GRACE_MS),
    );
    if (silent.length === 0) this.#massSince = undefined;
    if (silent.length === 0 || (await this.#isOutage(silent, suspects[0]?.live ?? 0))) return dead;
    return (await this.#markDead(silent, false)) || dead;
  }

  /**
   * After an outage nobody is declared dead for one lease (G3): our own statement failed within a lease, the server started within one,
   * or more than half of the workers (and at least two) fell silent at once.
   */
  async #isOutage(silent: readonly SuspectRow[], live: number): Promise<boolean> {
    const { lease } = this.#database.config;
    if (monotonicMs() - this.#troubleAt < lease) return true;
    if (this.#isMassSilence(silent.length, live, lease)) return true;
    const [server] = await this.#database.run(serverUptime);
    return (server?.up_ms ?? 0) < lease;
  }

  /** Most of the fleet at once is more likely cut off than dead; after a whole lease of silence it is dead. */
  #isMassSilence(silent: number, live: number, leaseMs: number): boolean {
    if (silent < 2 || silent <= live / 2) {
      this.#massSince = undefined;
      return false;
    }
    this.#massSince ??= monotonicMs();
    const silentMs = monotonicMs() - this.#massSince;
    this.#log.warn('many_workers_silent', { workers: silent, live, for_ms: Math.round(silentMs) });
    return silentMs < leaseMs;
  }

  async #markDead(workers: readonly SuspectRow[], proven: boolean): Promise<boolean> {
    if (workers.length === 0) return false;
    const dead = await this.#database.run(markDead, [
      workers.map((worker) => worker.id),
      LOCK_GRACE_MS,
      proven,
    ]);
    for (const { id, name } of dead) this.#log.warn('worker_dead', { id, name, proven });
    return dead.length > 0;
  }
}
