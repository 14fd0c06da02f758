/** The lifeline's thread: renews the lease and reconciles on a connection of its own, whatever the main thread is busy with. */
import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import {
  beat,
  findForeign,
  findUnknown,
  nextLockKey,
  pruneClaims,
  registerWorker,
  setWorkerState,
  takeLock,
} from '../sql/lifeline.ts';
import { namesOf, type Statement } from '../sql/sql.ts';
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

const setup = workerData as LifelineSetup;
const names = namesOf(setup.config.schema);
const beatMs = setup.config.lease / BEATS_PER_LEASE;
/** A main thread that does not answer within this is blocked: its lease is renewed all the same, but nothing is taken from it. */
const ANSWER_MS = Math.min(250, beatMs / 2);

let client: pg.Client | undefined;
/** Connections that failed and still hold the lock, until a new one has taken it. */
const old = new Set<pg.Client>();
let lockKey: number | null = null;
let registered = false;
let question = 0;
let answeredAt = monotonicMs();
let waiting: ((answer: Answer) => void) | undefined;
/** What the main thread last said of itself. */
let said: Pick<Answer, 'running' | 'ghosts' | 'stalled'> = { running: 0, ghosts: 0, stalled: [] };

const loop = new Loop({ name: 'lifeline', round, onError: trouble, retryMs: 50 });

parentPort?.on('message', (message: ToLifeline) => {
  if (message.kind === 'answer') waiting?.(message);
  else if (message.kind === 'beat-now') loop.wake();
  else if (message.kind === 'state') void setState(message.state);
  else void end();
});
loop.start();

async function round(): Promise<number> {
  const connection = client ?? (await connect());
  const asked = await ask();
  const lagMs = asked === undefined ? Math.round(monotonicMs() - answeredAt) : 0;
  if (asked !== undefined) said = asked;
  const [alive] = await run(connection, beat, [
    setup.workerId,
    said.running,
    said.ghosts,
    lagMs,
    said.stalled,
  ]);
  if (alive === undefined) return (tell({ kind: 'dead' }), beatMs);
  tell({ kind: 'beat', lagMs });
  if (asked !== undefined) await reconcile(connection, asked);
  return beatMs;
}

/** Opens and locks the new connection before the old one is closed, so that a changed connection never looks like a death. */
async function connect(): Promise<pg.Client> {
  const fresh = new pg.Client({
    ...clientOptions(setup.url, setup.config, 'unstuck lifeline'),
    query_timeout: Math.max(1_000, setup.config.lease / 2),
  });
  fresh.on('error', () => lost(fresh));
  fresh.on('end', () => lost(fresh));
  await fresh.connect();
  try {
    if (!setup.pooled) await lock(fresh);
    if (!registered) await register(fresh);
  } catch (error) {
    void endClient(fresh);
    throw error;
  }
  client = fresh;
  closeOld();
  return fresh;
}

function closeOld(): void {
  for (const gone of old) void endClient(gone);
  old.clear();
}

async function lock(fresh: pg.Client): Promise<void> {
  lockKey ??= (await run(fresh, nextLockKey, []))[0]?.lock_key ?? null;
  await run(fresh, takeLock, [lockKey]);
}

async function register(fresh: pg.Client): Promise<void> {
  const row = { ...setup.registration, lock_key: lockKey };
  await run(fresh, registerWorker, [setup.workerId, JSON.stringify(row)]);
  registered = true;
  tell({ kind: 'registered' });
}

function lost(gone: pg.Client): void {
  if (client !== gone) return;
  client = undefined;
  loop.wake();
}

/** The old connection keeps the lock until the new one has it: closing it first would look like a death. */
function trouble(error: unknown): void {
  if (client !== undefined) old.add(client);
  client = undefined;
  tell({ kind: 'trouble', message: error instanceof Error ? error.message : String(error) });
}

async function ask(): Promise<Answer | undefined> {
  question += 1;
  const current = question;
  const stop = new AbortController();
  const answer = new Promise<Answer>((resolve) => {
    waiting = (given) => {
      answeredAt = monotonicMs();
      if (given.question === current) resolve(given);
    };
  });
  tell({ kind: 'ask', question: current });
  const first = await Promise.race([answer, sleep(ANSWER_MS, stop.signal).then(() => undefined)]);
  stop.abort();
  return first;
}

/** Tells the worker which of its attempts are no longer its own, and which it holds without knowing (B6). */
async function reconcile(connection: pg.Client, asked: Answer): Promise<void> {
  const held = JSON.stringify(asked.held);
  if (asked.held.length > 0) {
    const foreign = await run(connection, findForeign, [setup.workerId, held]);
    if (foreign.length > 0) tell({ kind: 'foreign', attempts: foreign });
  }
  const unknown: AttemptRef[] = await run(connection, findUnknown, [
    setup.workerId,
    Math.round(2 * beatMs),
    asked.claiming,
    held,
  ]);
  if (unknown.length > 0) tell({ kind: 'unknown', attempts: unknown });
  await run(connection, pruneClaims, [setup.workerId]);
}

async function setState(next: 'stopping' | 'stopped'): Promise<void> {
  if (client !== undefined)
    await run(client, setWorkerState, [setup.workerId, next]).catch(trouble);
}

async function end(): Promise<void> {
  await loop.stop();
  closeOld();
  await setState('stopped');
  if (client !== undefined) await endClient(client);
  process.exit(0);
}

async function run<Row>(
  connection: pg.Client,
  statement: Statement<Row>,
  values: readonly unknown[],
): Promise<Row[]> {
  const text = statement.build(names).text;
  const named = setup.pooled ? {} : { name: statement.name };
  const result = await connection.query({ text, values: [...values], ...named });
  return result.rows as Row[];
}

function tell(message: FromLifeline): void {
  parentPort?.postMessage(message);
}
