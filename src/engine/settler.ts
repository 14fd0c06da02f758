/** Settler: writes the ends of attempts in batches until they are accepted or refused; a result is never kept waiting by another. */
import type { Log } from '../domain/log.ts';
import { deferJobs, findAccepted, finishJobs, finishLinked, recordStale } from '../sql/settle.ts';
import { sleep } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { type Concerned, concernedBy } from '../storage/links.ts';
import { makePartitions } from '../storage/partitions.ts';
import { isHeldUp, isPartitionMissing, isTransient } from '../storage/postgres-errors.ts';
import type { Attempt } from './attempt.ts';
import type { Decision, Defer, Finish } from './decide.ts';
import { LettingOn } from './letting-on.ts';
import { deferRow, endColumns, leastEnd } from './settle-rows.ts';

/** An attempt and what is to be written about it. */
export interface Ended {
  readonly attempt: Attempt;
  readonly decision: Decision;
  /** Another end of the attempt has been concluded: what is found in the database is that one. */
  readonly late?: boolean;
}

/** Who hears of settled attempts. */
export interface SettlerHooks {
  /** The end was accepted. */
  accepted(ended: Ended): void;
  /** The attempt had lost its lease; nothing was written but a record of the late result. */
  refused(ended: Ended): void;
  /** Whatever happened, the attempt is no longer held. */
  forgotten(attempt: Attempt): void;
  /** Jobs of these types are ready, because what they waited for has ended. */
  ready(types: ReadonlySet<string>): void;
}

const BATCH_MAX = 1_000;
const REFUSALS_MAX = 3;
const ASIDE_MS = 200;

/**
 * Buffers ended attempts; `take` hands completions to a claim that carries them along, `flush` writes all by themselves. The ends of linked jobs
 * (with a pool, a limit, a parent) are written apart, and whoever waited for them is let on.
 */
export class Settler {
  #database: Database;
  #log: Log;
  #hooks: SettlerHooks;
  #finishes: Ended[] = [];
  #defers: Ended[] = [];
  #linked: Ended[] = [];
  #refusals = new Map<Attempt, number>();
  #writing = 0;
  /** Ends whose rows somebody has locked. */
  #aside: Ended[] = [];
  #writesAside = false;
  #idle: (() => void)[] = [];
  #lettingOn: LettingOn;

  constructor(database: Database, log: Log, hooks: SettlerHooks) {
    this.#database = database;
    this.#log = log;
    this.#hooks = hooks;
    this.#lettingOn = new LettingOn(database, log, (types) => hooks.ready(types));
  }

  /** Adds an ended attempt. */
  add(ended: Ended): void {
    if (ended.decision.kind === 'defer') this.#defers.push(ended);
    else (isLinked(ended) ? this.#linked : this.#finishes).push(ended);
  }

  /** How many ended attempts wait to be written. */
  get waiting(): number {
    return this.#finishes.length + this.#defers.length + this.#linked.length;
  }

  /** Takes finishes for a statement of the caller, who must report through `written` or `failed`. */
  take(): Ended[] {
    const batch = takeBatch(this.#finishes);
    if (batch.length > 0) this.#writing += 1;
    return batch;
  }

  /** Encodes finishes in the order of `finishCtes`. */
  encode(batch: readonly Ended[]): (string | null)[] {
    return endColumns(
      batch.map(({ attempt: { row }, decision }) => {
        const { state, result, error, reason, outcome } = decision as Finish;
        return { id: row.id, token: row.token, state, result, error, reason, outcome };
      }),
    );
  }

  /** Reports that a taken batch was written; the refused ones are looked at. */
  async written(
    batch: readonly Ended[],
    refused: readonly { id: string; token: string }[],
  ): Promise<void> {
    try {
      await this.#conclude(batch, refused);
    } finally {
      this.#done();
    }
  }

  /** Reports that a taken batch failed: it is written again, by halves when PostgreSQL refuses a row (D6). */
  async failed(batch: readonly Ended[], error: unknown): Promise<void> {
    try {
      await this.#recover(batch, error, (part) => this.#finish(part));
    } finally {
      this.#done();
    }
  }

  /** Writes everything that waits; resolves when it is written or queued again. */
  async flush(): Promise<void> {
    const finishes = this.take();
    if (finishes.length > 0)
      await this.#counted(() => this.#finish(finishes)).finally(() => this.#done());
    await this.flushApart();
  }

  /** Writes what cannot ride with a claim: what is deferred, and the ends of linked jobs. */
  async flushApart(): Promise<void> {
    const defers = takeBatch(this.#defers);
    const linked = takeBatch(this.#linked);
    const writes: Promise<void>[] = [];
    if (defers.length > 0) writes.push(this.#counted(() => this.#defer(defers)));
    if (linked.length > 0) writes.push(this.#counted(() => this.#finish(linked)));
    await Promise.all(writes);
  }

  /** Lets on whoever waited for an attempt that has written its own end. */
  settledItself(attempt: Attempt): void {
    this.#lettingOn.add(concernedBy([attempt.row.links]));
  }

  /** Resolves when nothing waits and nothing is being written. */
  async drain(): Promise<void> {
    while (this.waiting > 0 || this.#writing > 0) {
      if (this.waiting > 0) await this.flush();
      else await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    await this.#lettingOn.drain();
  }

  async #finish(batch: readonly Ended[]): Promise<void> {
    const statement = batch.some(isLinked) ? finishLinked : finishJobs;
    try {
      const refused = await this.#database.run(statement, [workerOf(batch), ...this.encode(batch)]);
      await this.#conclude(batch, refused);
    } catch (error) {
      await this.#recover(batch, error, (part) => this.#finish(part));
    }
  }

  async #defer(batch: readonly Ended[]): Promise<void> {
    try {
      const list = batch.map(({ attempt, decision }) =>
        deferRow(attempt.row, decision as Defer, attempt.trace?.carrier.traceparent),
      );
      const refused = await this.#database.run(deferJobs, [workerOf(batch), JSON.stringify(list)]);
      await this.#conclude(batch, refused);
    } catch (error) {
      await this.#recover(batch, error, (part) => this.#defer(part));
    }
  }

  /** A refused end may be our own, accepted before its reply was lost (D4): it is read back before it is called stale. */
  async #conclude(
    batch: readonly Ended[],
    refused: readonly { id: string; token: string }[],
  ): Promise<void> {
    const gone = new Set(refused.map(fenceOf));
    const open: Ended[] = [];
    const accepted: Ended[] = [];
    for (const ended of batch) {
      const isRefused = gone.size > 0 && gone.has(fenceOf(ended.attempt.row));
      // That a parent waits for its executions is recorded nowhere: whether it still does is its next attempt's business.
      if (isRefused && (ended.decision.kind === 'finish' || ended.decision.outcome !== null))
        open.push(ended);
      else accepted.push(ended);
    }
    for (const ended of accepted) this.#accept(ended);
    this.#lettingOn.add(freedBy(accepted));
    if (open.length === 0) return;
    const mine = await this.#readBack(open);
    const stale: Ended[] = [];
    for (const ended of open) {
      if (ended.late !== true && mine.has(fenceOf(ended.attempt.row))) this.#accept(ended);
      else stale.push(ended);
    }
    this.#lettingOn.add(freedBy(open.filter((ended) => !stale.includes(ended))));
    await this.#record(stale);
  }

  async #readBack(open: readonly Ended[]): Promise<Set<string>> {
    const list = open.map(({ attempt: { row, workerId }, decision }) => ({
      id: row.id,
      worker: workerId,
      token: row.token,
      ends: decision.kind === 'finish',
      outcome: decision.outcome,
    }));
    for (let round = 0; ; round += 1) {
      try {
        const rows = await this.#database.run(findAccepted, [JSON.stringify(list)]);
        return new Set(rows.map(fenceOf));
      } catch (error) {
        if (!isTransient(error)) throw error;
        await sleep(Math.min(1_000, 50 * 2 ** round));
      }
    }
  }

  async #record(stale: readonly Ended[]): Promise<void> {
    for (const ended of stale) {
      this.#hooks.refused(ended);
      this.#hooks.forgotten(ended.attempt);
    }
    if (stale.length === 0) return;
    const list = stale.map(({ attempt, decision }) => ({
      id: attempt.row.id,
      type: attempt.row.type,
      token: attempt.row.token,
      attempt: attempt.row.attempt,
      error: decision.error ?? null,
    }));
    await this.#database
      .run(recordStale, [workerOf(stale), JSON.stringify(list)])
      .catch((error: unknown) => this.#log.warn('late_result_not_recorded', { error }));
  }

  #accept(ended: Ended): void {
    this.#refusals.delete(ended.attempt);
    this.#hooks.accepted(ended);
    this.#hooks.forgotten(ended.attempt);
  }

  /** The database is away: try again. It refuses the batch: halve it, down to the row, which ends with the least that can be stored. */
  async #recover(
    batch: readonly Ended[],
    error: unknown,
    write: (part: readonly Ended[]) => Promise<void>,
  ): Promise<void> {
    if (isPartitionMissing(error)) {
      await makePartitions(this.#database).catch((failure: unknown) =>
        this.#log.error('partition_not_made', { error: failure }),
      );
      await sleep(50);
      return write(batch);
    }
    if (isHeldUp(error)) return this.#apart(batch, write);
    if (isTransient(error)) {
      this.#log.debug('settle_repeated', { error, jobs: batch.length });
      await sleep(100 + Math.random() * 200);
      return write(batch);
    }
    if (batch.length > 1) {
      const half = Math.ceil(batch.length / 2);
      await write(batch.slice(0, half));
      return write(batch.slice(half));
    }
    for (const ended of batch) await this.#refusedRow(ended, error);
  }

  /** Somebody has locked one of the rows: the others must not wait with it, and neither must the claims. */
  async #apart(
    batch: readonly Ended[],
    write: (part: readonly Ended[]) => Promise<void>,
  ): Promise<void> {
    if (batch.length === 1) {
      this.#aside.push(...batch);
      if (!this.#writesAside) void this.#counted(() => this.#writeAside());
      return;
    }
    const half = Math.ceil(batch.length / 2);
    await Promise.all([write(batch.slice(0, half)), write(batch.slice(half))]);
  }

  /** One by one, so that they take one connection at most; what is still locked is put aside again. */
  async #writeAside(): Promise<void> {
    this.#writesAside = true;
    try {
      for (let [ended] = this.#aside; ended !== undefined; [ended] = this.#aside) {
        await sleep(ASIDE_MS);
        this.#aside.shift();
        await (ended.decision.kind === 'finish' ? this.#finish([ended]) : this.#defer([ended]));
      }
    } catch (error) {
      this.#log.error('settle_failed', { error });
    } finally {
      this.#writesAside = false;
    }
  }

  async #refusedRow(ended: Ended, error: unknown): Promise<void> {
    const count = (this.#refusals.get(ended.attempt) ?? 0) + 1;
    this.#refusals.set(ended.attempt, count);
    this.#log.error('settle_refused', { job: ended.attempt.row.id, error, count });
    if (count < REFUSALS_MAX) {
      await sleep(50 * count);
      return ended.decision.kind === 'finish' ? this.#finish([ended]) : this.#defer([ended]);
    }
    if (count === REFUSALS_MAX)
      return this.#finish([{ attempt: ended.attempt, decision: leastEnd(error) }]);
    // Nothing can be stored about it. It stays held, or the lifeline would give it back and it ran again for ever: its timeout hands it
    // to the sweep, which reports it, and the lifeline then learns that it is lost.
    this.#refusals.delete(ended.attempt);
    ended.attempt.ending = false;
  }

  async #counted(work: () => Promise<void>): Promise<void> {
    this.#writing += 1;
    try {
      await work();
    } finally {
      this.#done();
    }
  }

  #done(): void {
    this.#writing -= 1;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function isLinked({ attempt }: Ended): boolean {
  return attempt.row.links !== null;
}

/** Whom it concerns that these attempts have ended. A job that goes back into the queue keeps its place and its slot. */
function freedBy(batch: readonly Ended[]): Concerned {
  const concerned = concernedBy([]);
  for (const { attempt, decision } of batch) {
    const awaits = decision.kind === 'defer' && decision.gate === 'executions';
    if (attempt.row.links === null && !awaits) continue;
    if (decision.kind === 'defer' && decision.gate === null) continue;
    const { parents, pools, limitKeys } = concernedBy([attempt.row.links]);
    for (const key of limitKeys) concerned.limitKeys.add(key);
    if (awaits) concerned.parents.add(attempt.row.id); // They may all have ended before it began to wait.
    if (decision.kind === 'defer') continue;
    for (const id of parents) concerned.parents.add(id);
    for (const key of pools) concerned.pools.add(key);
  }
  return concerned;
}

/** A batch has one worker: after a lost lease the process goes on under a new identity, and both may be waiting. */
function takeBatch(list: Ended[]): Ended[] {
  const workerId = list[0]?.attempt.workerId;
  const other = list.findIndex((ended) => ended.attempt.workerId !== workerId);
  return list.splice(0, Math.min(BATCH_MAX, other === -1 ? list.length : other));
}

function fenceOf({ id, token }: { id: string; token: string }): string {
  return `${id} ${token}`;
}

function workerOf(batch: readonly Ended[]): string {
  return batch[0]?.attempt.workerId ?? '';
}
