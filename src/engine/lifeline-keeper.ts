/** Lifeline keeper: renews the lease and reconciles on a connection of its own, in the thread in which it is made. */
import pg from 'pg';
import {
  beat,
  dropClaims,
  findForeign,
  findUnknown,
  nextLockKey,
  pruneClaims,
  registerWorker,
  setWorkerState,
  takeLock,
} from '../sql/lifeline.ts';
import { type Names, namesOf, type Statement } from '../sql/sql.ts';
import { Loop } from '../std/loop.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import { clientOptions } from '../storage/database.ts';
import { endClient } from '../storage/end-client.ts';
import {
  type AttemptRef,
  BEATS_PER_LEASE,
  type FromLifeline,
  type LifelineSetup,
  type ToLifeline,
} from './lifeline-messages.ts';

type Answer = Extract<ToLifeline, { kind: 'answer' }>;

/** Claims of which the worker does not know that they are over (a reply was lost) are looked for in one round of so many. */
const PRUNE_EVERY = 10;

/** One keeper of one worker's lease. Two may keep it at once while one takes over from the other. */
export class LifelineKeeper {
  #setup: LifelineSetup;
  #names: Names;
  #tell: (message: FromLifeline) => void;
  #beatMs: number;
  /** A main thread that does not answer within this is blocked: its lease is renewed all the same, but nothing is taken from it. */
  #answerMs: number;
  #client: pg.Client | undefined;
  /** Connections that failed and still hold the lock, until a new one has taken it. */
  #old = new Set<pg.Client>();
  #lockKey: number | null;
  #registered = false;
  #question = 0;
  #sincePrune = 0;
  #answeredAt = monotonicMs();
  #waiting: ((answer: Answer) => void) | undefined;
  /** What the worker last said of itself. */
  #said: Pick<Answer, 'running' | 'ghosts' | 'stalled'> = { running: 0, ghosts: 0, stalled: [] };
  #loop: Loop;

  /** Starts to keep; `tell` hears what its worker must know and is asked. */
  constructor(setup: LifelineSetup, tell: (message: FromLifeline) => void) {
    this.#setup = setup;
    this.#names = namesOf(setup.config.schema);
    this.#tell = tell;
    this.#beatMs = setup.config.lease / BEATS_PER_LEASE;
    this.#answerMs = Math.min(250, this.#beatMs / 2);
    this.#lockKey = setup.lockKey;
    const onError = (error: unknown): void => this.#trouble(error);
    this.#loop = new Loop({ name: 'lifeline', round: () => this.#round(), onError, retryMs: 50 });
    this.#loop.start();
  }

  /** The key of the session lock; null until it is registered, and behind a pooler. */
  get lockKey(): number | null {
    return this.#lockKey;
  }

  /** Takes what the worker answers and wants, but for its end. */
  hear(message: Exclude<ToLifeline, { kind: 'end' }>): void {
    if (message.kind === 'answer') this.#waiting?.(message);
    else if (message.kind === 'beat-now') this.#loop.wake();
    else void this.#setState(message.state);
  }

  /** Signs the worker off and closes its connection. */
  async end(): Promise<void> {
    await this.#loop.stop();
    await this.#setState('stopped');
    await this.retire();
  }

  /** Closes its connection, the worker goes on: another keeper has the lock. */
  async retire(): Promise<void> {
    await this.#loop.stop();
    this.#closeOld();
    await this.#close();
  }

  async #round(): Promise<number> {
    const connection = this.#client ?? (await this.#connect());
    const asked = await this.#ask();
    const lagMs = asked === undefined ? Math.round(monotonicMs() - this.#answeredAt) : 0;
    if (asked !== undefined) this.#said = asked;
    const [alive] = await this.#run(connection, beat, [
      this.#setup.workerId,
      this.#said.running,
      this.#said.ghosts,
      lagMs,
      this.#said.stalled,
    ]);
    if (alive === undefined) return (this.#tell({ kind: 'dead' }), this.#beatMs);
    this.#tell({ kind: 'beat', lagMs });
    if (asked !== undefined) await this.#reconcile(connection, asked, alive.claims);
    return this.#beatMs;
  }

  /** Opens and locks the new connection before the old one is closed, so that a changed connection never looks like a death. */
  async #connect(): Promise<pg.Client> {
    const fresh = new pg.Client({
      ...clientOptions(this.#setup.url, this.#setup.config, 'unstuck lifeline'),
      query_timeout: Math.max(1_000, this.#setup.config.lease / 2),
    });
    fresh.on('error', () => this.#lost(fresh));
    fresh.on('end', () => this.#lost(fresh));
    await fresh.connect();
    try {
      if (!this.#setup.pooled) await this.#lock(fresh);
      if (!this.#registered) await this.#register(fresh);
    } catch (error) {
      void endClient(fresh);
      throw error;
    }
    this.#client = fresh;
    this.#closeOld();
    return fresh;
  }

  #closeOld(): void {
    for (const gone of this.#old) void endClient(gone);
    this.#old.clear();
  }

  async #lock(fresh: pg.Client): Promise<void> {
    this.#lockKey ??= (await this.#run(fresh, nextLockKey, []))[0]?.lock_key ?? null;
    await this.#run(fresh, takeLock, [this.#lockKey]);
  }

  async #register(fresh: pg.Client): Promise<void> {
    const row = { ...this.#setup.registration, lock_key: this.#lockKey };
    await this.#run(fresh, registerWorker, [this.#setup.workerId, JSON.stringify(row)]);
    this.#registered = true;
    this.#tell({ kind: 'registered' });
  }

  #lost(gone: pg.Client): void {
    if (this.#client !== gone) return;
    this.#client = undefined;
    this.#loop.wake();
  }

  /** The old connection keeps the lock until the new one has it: closing it first would look like a death. */
  #trouble(error: unknown): void {
    if (this.#client !== undefined) this.#old.add(this.#client);
    this.#client = undefined;
    this.#tell({
      kind: 'trouble',
      message: error instanceof Error ? error.message : String(error),
    });
  }

  async #ask(): Promise<Answer | undefined> {
    this.#question += 1;
    const current = this.#question;
    const stop = new AbortController();
    const answer = new Promise<Answer>((resolve) => {
      this.#waiting = (given) => {
        this.#answeredAt = monotonicMs();
        if (given.question === current) resolve(given);
      };
    });
    this.#tell({ kind: 'ask', question: current });
    const first = await Promise.race([
      answer,
      sleep(this.#answerMs, stop.signal).then(() => undefined),
    ]);
    stop.abort();
    return first;
  }

  /** Drops the claims that are over, and tells the worker which of its attempts are no longer its own, and which it holds without knowing (B6): only its claims can tell of those. */
  async #reconcile(connection: pg.Client, asked: Answer, claims: boolean): Promise<void> {
    const { workerId } = this.#setup;
    if (asked.over.length > 0) await this.#run(connection, dropClaims, [workerId, asked.over]);
    const held = JSON.stringify(asked.held);
    if (asked.held.length > 0) {
      const foreign = await this.#run(connection, findForeign, [workerId, held]);
      if (foreign.length > 0) this.#tell({ kind: 'foreign', attempts: foreign });
    }
    if (!claims) return;
    const unknown: AttemptRef[] = await this.#run(connection, findUnknown, [
      workerId,
      Math.round(2 * this.#beatMs),
      asked.claiming,
      held,
    ]);
    if (unknown.length > 0) this.#tell({ kind: 'unknown', attempts: unknown });
    this.#sincePrune = (this.#sincePrune + 1) % PRUNE_EVERY;
    if (this.#sincePrune === 0) await this.#run(connection, pruneClaims, [workerId]);
  }

  async #setState(next: 'stopping' | 'stopped'): Promise<void> {
    if (this.#client !== undefined)
      await this.#run(this.#client, setWorkerState, [this.#setup.workerId, next]).catch(
        (error: unknown) => this.#trouble(error),
      );
  }

  async #close(): Promise<void> {
    const current = this.#client;
    this.#client = undefined;
    if (current !== undefined) await endClient(current);
  }

  async #run<Row>(
    connection: pg.Client,
    statement: Statement<Row>,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const text = statement.build(this.#names).text;
    const named = this.#setup.pooled ? {} : { name: statement.name };
    const result = await connection.query({ text, values: [...values], ...named });
    return result.rows as Row[];
  }
}
