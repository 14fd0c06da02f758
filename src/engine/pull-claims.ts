/** Pull claims: takes jobs for workers that ask for them over HTTP, and waits for some when there are none. Nothing is kept between calls that another process would miss. */

import { unstuckError } from '../domain/errors.ts';
import { timeOf } from '../domain/job-id.ts';
import type { Log } from '../domain/log.ts';
import type { Meter } from '../domain/meter.ts';
import type { PullConfig, PulledFence, PulledJob } from '../domain/pull.ts';
import { readTrace } from '../domain/trace.ts';
import type { ClaimRow } from '../sql/claim.ts';
import { findUnknown, pruneClaims, setWorkerState } from '../sql/lifeline.ts';
import {
  findTimeouts,
  type HandedRow,
  handOver,
  pullState,
  registerPull,
  renewPull,
  stopPulling,
} from '../sql/pull.ts';
import { deferJobs } from '../sql/settle.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { Claimer } from './claimer.ts';
import { RELEASED } from './decide.ts';
import { BEATS_PER_LEASE } from './lifeline-messages.ts';
import type { ReadySignal } from './ready-signal.ts';
import { deferRow } from './settle-rows.ts';

/** An answer that was given this long ago has arrived, or never will. */
const LOST_REPLY_MS = 10_000;
const POLL_MS = 1_000;
const CLAIMERS_MAX = 1_000;
/** The first step of a claim, in jobs; and what they may hold for another one, in bytes. */
const STEP = 12;
const ANSWER_BYTES = 4_194_304;
/** What `findUnknown` returns at most. */
const UNKNOWN_MAX = 1_000;

/** What ends a wait before its time. */
export interface PullEnding {
  /** Whoever asked has hung up: what was claimed for them goes back. */
  readonly signal?: AbortSignal | undefined;
  /** Asked about once a second: true when this process is going away. */
  readonly draining?: (() => boolean) | undefined;
}

/** What a claim is for. */
interface Asked {
  readonly workerId: string;
  readonly config: PullConfig;
  readonly claimer: Claimer;
  readonly timeouts: ReadonlyMap<string, number>;
}

/** Claims for workers elsewhere. */
export class PullClaims {
  #database: Database;
  #log: Log;
  #ready: ReadySignal;
  #meter: Meter;
  /** Where each worker was in its queues; the oldest are forgotten, and then it is asked from the start. */
  #claimers = new Map<string, Claimer>();

  constructor(database: Database, log: Log, ready: ReadySignal, meter: Meter) {
    this.#meter = meter;
    this.#database = database;
    this.#log = log;
    this.#ready = ready;
  }

  /** Claims; resolves to an empty list when nothing came in time. What was claimed when `signal` aborts goes back. Throws REQUEST_INVALID. */
  async claim(
    workerId: string,
    config: PullConfig,
    { signal, draining = () => false }: PullEnding,
  ): Promise<PulledJob[]> {
    const startedAt = monotonicMs();
    await this.#register(workerId, config);
    if (config.holding !== undefined) {
      const lost = await this.#unnamed(workerId, LOST_REPLY_MS, config.holding);
      if (lost.length > 0) await this.#release(workerId, lost);
    }
    await this.#database.run(pruneClaims, [workerId]);
    const asked = await this.#asked(workerId, config);
    for (let beatAt = startedAt; ; ) {
      const rows = await this.#take(asked);
      if (rows.length > 0) {
        // There may be more where these came from.
        this.#ready.tell(new Set(rows.map(({ type }) => type)));
        return this.#handOver(asked, rows, signal);
      }
      const restMs = startedAt + config.waitMs - monotonicMs();
      // Jittered, so that those that began together do not ask together for ever.
      const pollMs = POLL_MS * (0.75 + Math.random() / 2);
      if (restMs <= 0) return [];
      if (await this.#ready.wait(config.types, Math.min(restMs, pollMs), signal))
        asked.claimer.rescan();
      if (signal?.aborted === true || this.#ready.closed || draining()) return [];
      if (monotonicMs() - beatAt < config.leaseMs / BEATS_PER_LEASE) continue;
      beatAt = monotonicMs();
      const [own] = await this.#database.run(renewPull, [workerId]);
      if (own === undefined) return [];
    }
  }

  /** Gives back whatever a worker holds, uncharged, and signs it off; returns how many jobs went back. Nothing happens to a worker of another kind. */
  async stop(workerId: string): Promise<number> {
    const [own] = await this.#database.run(stopPulling, [workerId]);
    if (own === undefined) return 0;
    let released = 0;
    for (let full = true; full; ) {
      const held = await this.#unnamed(workerId, 0, []);
      if (held.length > 0) await this.#putBack(workerId, held);
      released += held.length;
      full = held.length === UNKNOWN_MAX;
    }
    await this.#database.run(setWorkerState, [workerId, 'stopped']);
    return released;
  }

  async #register(workerId: string, { name, leaseMs, types, max }: PullConfig): Promise<void> {
    const values = [workerId, name, leaseMs, types, max];
    const [row] = await this.#database.run(registerPull, values);
    if (row !== undefined) return;
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected the id of a worker that claims over HTTP, got that of another: ${workerId}. Make a new UUID when the worker starts.`,
    );
  }

  async #asked(workerId: string, config: PullConfig): Promise<Asked> {
    const known = await this.#database.run(findTimeouts, [config.types]);
    const timeouts = new Map(known.map(({ type, timeout_ms }) => [type, Number(timeout_ms)]));
    const queues = new Map(known.map(({ type, queue }) => [type, queue]));
    const wanted = config.types.map((type) => ({
      type,
      queue: queues.get(type) ?? 'default',
      timeoutMs: timeouts.get(type),
    }));
    const key = JSON.stringify([workerId, wanted]);
    const claimer = this.#claimers.get(key) ?? new Claimer(this.#database, workerId, wanted);
    this.#claimers.delete(key);
    this.#claimers.set(key, claimer);
    const [oldest] = this.#claimers.keys();
    if (this.#claimers.size > CLAIMERS_MAX) this.#claimers.delete(oldest as string);
    return { workerId, config, claimer, timeouts };
  }

  /** A job that was lost with its worker before runs by itself: the worker gets it when it holds nothing, and nothing beside it. */
  async #take({ workerId, config, claimer, timeouts }: Asked): Promise<readonly ClaimRow[]> {
    const [state] = await this.#database.run(pullState, [workerId, config.types]);
    if (state?.runs_alone === true || (state?.held === true && state.alone_waits)) return [];
    const row = state?.alone === true && !state.held ? await claimer.claimAlone(true) : undefined;
    if (row !== undefined) {
      const ownMs = row.timeout_ms === null ? timeouts.get(row.type) : Number(row.timeout_ms);
      const timeoutMs = ownMs ?? this.#database.config.timeout;
      return (await claimer.stampAlone({ row, timeoutMs }, 'start')) ? [row] : [];
    }
    await claimer.lookForOldest();
    return takeSome(claimer, config.max);
  }

  async #handOver(
    { workerId }: Asked,
    rows: readonly ClaimRow[],
    signal: AbortSignal | undefined,
  ): Promise<PulledJob[]> {
    try {
      const ids = rows.map(({ id }) => id);
      const handed = await this.#database.run(handOver, [workerId, ids]);
      if (signal?.aborted !== true) return this.#counted(toJobs(rows, handed));
    } catch (error) {
      await this.#release(workerId, rows);
      throw error;
    }
    await this.#release(workerId, rows);
    return [];
  }

  #counted(jobs: PulledJob[]): PulledJob[] {
    for (const { id, type, token } of jobs)
      if (token === '1') this.#meter.claimed(type, Date.now() - timeOf(id));
    return jobs;
  }

  /** What this worker got more than `olderMs` ago and does not name; at most 1,000. */
  #unnamed(
    workerId: string,
    olderMs: number,
    named: readonly PulledFence[],
  ): Promise<PulledFence[]> {
    const values = [workerId, olderMs, [], JSON.stringify(named)];
    return this.#database.run(findUnknown, values);
  }

  /** What cannot be given back now is, when the worker's next claim does not name it, or with its lease. */
  async #release(workerId: string, attempts: readonly PulledFence[]): Promise<void> {
    await this.#putBack(workerId, attempts).catch((error: unknown) =>
      this.#log.warn('pulled_jobs_not_given_back', { worker: workerId, error }),
    );
  }

  async #putBack(workerId: string, attempts: readonly PulledFence[]): Promise<void> {
    const list = attempts.map((attempt) => deferRow(attempt, RELEASED));
    await this.#database.run(deferJobs, [workerId, JSON.stringify(list)]);
    this.#ready.tell();
  }
}

/**
 * Takes twice as many at each step, until there are enough, no more, or so many bytes that the next step could be more than an answer can hold. What was
 * taken is given out when a later step fails.
 */
async function takeSome(claimer: Claimer, max: number): Promise<readonly ClaimRow[]> {
  const rows: ClaimRow[] = [];
  for (let step = STEP, bytes = 0; rows.length < max && bytes < ANSWER_BYTES; step *= 2) {
    const limit = Math.min(step, max - rows.length);
    const jobs = await claimer.claim(limit, undefined).then(
      (claimed) => claimed.jobs,
      (error: unknown) => {
        if (rows.length === 0) throw error;
        return [];
      },
    );
    rows.push(...jobs);
    if (jobs.length < limit) break;
    // Whoever asks for no more need not know how large these are.
    if (rows.length < max) bytes += jobs.reduce((sum, { input }) => sum + sizeOf(input), 0);
  }
  return rows;
}

/** About as many as its JSON has. */
function sizeOf(input: unknown): number {
  return JSON.stringify(input).length;
}

/** In the order of the queue; one that was cancelled meanwhile is left out. */
function toJobs(rows: readonly ClaimRow[], handed: readonly HandedRow[]): PulledJob[] {
  const found = new Map(handed.map((one) => [one.id, one]));
  return rows.flatMap((row) => {
    const one = found.get(row.id);
    if (one === undefined || one.token !== row.token) return [];
    return {
      id: row.id,
      token: row.token,
      type: row.type,
      input: row.input,
      attempt: row.attempt,
      attemptsMax: row.attempts_max,
      crashes: row.crashes,
      tags: one.tags,
      progress: one.progress,
      progressNote: one.progress_note,
      traceparent: readTrace(row.trace).traceparent ?? null,
      expiresAt: one.expires_at,
    };
  });
}
