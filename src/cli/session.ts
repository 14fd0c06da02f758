/** Session: how a command reaches an installation: its database, once or as long as it takes, or a server. */
import { readFileSync } from 'node:fs';
import type { ConnectOptions } from '../domain/connect-options.ts';
import { ERRORS, UnstuckError, unstuckError } from '../domain/errors.ts';
import { settlesWithin, sleep } from '../std/timer.ts';
import { isConnectionLost } from '../storage/postgres-errors.ts';
import { Unstuck } from '../unstuck.ts';
import { describeFailure } from './describe-failure.ts';
import type { Operable } from './operable.ts';

/** The options that every command takes. */
export interface Globals {
  readonly database?: string;
  readonly schema?: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly output: 'table' | 'json';
  readonly debug?: boolean;
  /** Of processes that run. */
  readonly logLevel?: string;
}

const CLOSE_MS = 5_000;
const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 10_000;

/**
 * Does one thing with a server where the flags or UNSTUCK_URL name one, else with the database: then the schema is not migrated, except the embedded
 * database's, which is ours alone.
 */
export async function withUnstuck<T>(
  globals: Globals,
  work: (unstuck: Operable) => Promise<T>,
): Promise<T> {
  const url = serverOf(globals);
  if (url !== undefined) return work(await connectRemotely(url, globals));
  const unstuck = await Unstuck.connect({
    ...connectOptions(globals, 'error'),
    ...(isEmbedded(globals) ? {} : { migrate: false }),
  });
  try {
    return await work(unstuck);
  } finally {
    await settlesWithin(unstuck.close(), CLOSE_MS);
  }
}

/** Throws OPTION_INVALID when the flags name a server, for a command that needs the database itself. */
export function refuseServer({ url }: Globals, command: string): void {
  if (url === undefined) return;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected ${command} without --url: it works on the database itself. Give --database.`,
    { detail: { option: 'url' } },
  );
}

/** A flag is stronger than the environment, and there a server than a database. */
function serverOf({ url, database, schema }: Globals): string | undefined {
  const known = url ?? (database === undefined ? process.env['UNSTUCK_URL'] : undefined);
  if (known === undefined || known === '') return undefined;
  const [other] = [database && '--database', schema && '--schema'].filter(Boolean);
  if (other === undefined) return known;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected a server (--url, UNSTUCK_URL) or a database, got a server and ${other}. A server knows its own database.`,
    { detail: { option: 'url' } },
  );
}

/** The client and what it is made of are loaded only when there is a server to ask. */
async function connectRemotely(url: string, { tokenFile }: Globals): Promise<Operable> {
  const [{ createClient }, { remoteUnstuck }] = await Promise.all([
    import('../http/client/index.ts'),
    import('./remote/remote-unstuck.ts'),
  ]);
  const token = tokenFile === undefined ? process.env['UNSTUCK_TOKEN'] : readToken(tokenFile);
  return remoteUnstuck(createClient(url, token === '' ? undefined : token));
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw unstuckError(
      'OPTION_INVALID',
      `Expected --token-file to be a file that can be read, got ${JSON.stringify(file)}.`,
      { cause, detail: { option: 'token-file' } },
    );
  }
}

/** The options that the flags mean; `level` is that of the log unless the environment says another. */
export function connectOptions(
  { database, schema, debug, logLevel }: Globals,
  level: 'info' | 'warn' | 'error',
): ConnectOptions {
  const asked = (process.env['UNSTUCK_LOG_LEVEL'] ?? '') !== '';
  const levelOf = (): Pick<ConnectOptions, 'logLevel'> => {
    if (debug === true) return { logLevel: 'debug' };
    if (logLevel !== undefined) return { logLevel: logLevel as ConnectOptions['logLevel'] };
    return asked ? {} : { logLevel: level };
  };
  return {
    database,
    schema,
    ...levelOf(),
  };
}

/**
 * Connects and makes ready, and while the database is away tries again for ever (I3), telling `say` whenever the reason changes.
 * Resolves with undefined when the signal comes first; throws what does not get better by waiting.
 */
export async function patiently(
  options: ConnectOptions,
  prepare: (unstuck: Unstuck) => Promise<void>,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Unstuck | undefined> {
  let said = '';
  for (let waitMs = WAIT_FIRST_MS; !signal.aborted; waitMs = Math.min(WAIT_MAX_MS, waitMs * 2)) {
    try {
      const unstuck = await connectPrepared(options, prepare);
      if (said !== '') say('unstuck: the database is there.');
      return unstuck;
    } catch (error) {
      if (!mayPass(error)) throw error;
      const reason = describeFailure(error, false);
      if (reason !== said) say(`${reason}\n  next   trying again until it is there`);
      said = reason;
      await sleep(waitMs * (0.8 + Math.random() * 0.4), signal);
    }
  }
  return undefined;
}

async function connectPrepared(
  options: ConnectOptions,
  prepare: (unstuck: Unstuck) => Promise<void>,
): Promise<Unstuck> {
  const unstuck = await Unstuck.connect(options);
  try {
    await prepare(unstuck);
    return unstuck;
  } catch (error) {
    await settlesWithin(unstuck.close(), CLOSE_MS);
    throw error;
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof UnstuckError)
    return ERRORS[error.code].status === 503 && error.code !== 'WORKER_STOPPED';
  return isConnectionLost(error);
}

/** Whether the flags and the environment name no database. */
export function isEmbedded({ database }: Globals): boolean {
  const url = database ?? process.env['UNSTUCK_DATABASE_URL'] ?? process.env['DATABASE_URL'];
  return url === undefined || url === '';
}
