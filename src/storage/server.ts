/** Server: what kind of PostgreSQL is at an address, and whether a transaction pooler stands in front of it. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { unstuckError } from '../domain/errors.ts';
import type { Config } from '../domain/options.ts';
import { probeServer, type ServerRow } from '../sql/session.ts';
import { namesOf } from '../sql/sql.ts';
import { settlesWithin } from '../std/timer.ts';
import { clientOptions, withoutPassword } from './database.ts';
import { endClient } from './end-client.ts';

/** What was found at an address. */
export interface Server {
  /** For example 180004. */
  readonly version: number;
  /** A transaction pooler was found: no LISTEN, no session locks; polling and leases only. */
  readonly pooled: boolean;
}

const OLDEST = 140_000;
const LISTEN_PROBE_MS = 1_000;

/**
 * Looks at the server once. Throws DATABASE_UNREACHABLE, DATABASE_TOO_OLD or DATABASE_READ_ONLY.
 * A pooler shows itself by a backend process that is not the one it announced at the start (I7); whether it keeps sessions is asked
 * with a second client and by listening to ourselves, which alone proves little: the answer to NOTIFY brings the notification along.
 */
export async function inspectServer(url: string, config: Config): Promise<Server> {
  const client = new pg.Client({
    ...clientOptions(url, config, 'unstuck probe'),
    query_timeout: config.connectTimeout,
  });
  client.on('error', () => undefined);
  try {
    await connect(client, url);
    const probe = await ask(client, config);
    check(probe, url);
    const announced = (client as unknown as { processID: number | null }).processID;
    const direct = announced === probe.backend;
    const pooled =
      !direct && ((await sharesSessions(client, url, config)) || !(await hearsItself(client)));
    return { version: probe.version, pooled };
  } finally {
    await endClient(client);
  }
}

async function connect(client: pg.Client, url: string): Promise<void> {
  try {
    await client.connect();
  } catch (cause) {
    throw unstuckError(
      'DATABASE_UNREACHABLE',
      `PostgreSQL at ${withoutPassword(url)} could not be reached: ${(cause as Error).message}. Check the address and that the server runs.`,
      { cause },
    );
  }
}

async function ask(client: pg.Client, config: Config): Promise<ServerRow> {
  const result = await client.query<ServerRow>(probeServer.build(namesOf(config.schema)).text);
  return result.rows[0] as ServerRow;
}

function check(server: ServerRow, url: string): void {
  if (server.version < OLDEST) {
    throw unstuckError(
      'DATABASE_TOO_OLD',
      `Expected PostgreSQL 14 or newer at ${withoutPassword(url)}, got ${Math.floor(server.version / 10_000)}.`,
    );
  }
  if (server.standby) {
    throw unstuckError(
      'DATABASE_READ_ONLY',
      `${withoutPassword(url)} is a read-only standby. Point the address at the primary.`,
    );
  }
}

/**
 * Two clients that take turns: with a session of its own each keeps its backend process, and not the other's. A transaction pooler gives both
 * the same one, or changes them; in a turn that would suit two backends in rotation, somebody asks twice.
 */
async function sharesSessions(client: pg.Client, url: string, config: Config): Promise<boolean> {
  const other = new pg.Client({
    ...clientOptions(url, config, 'unstuck probe'),
    query_timeout: config.connectTimeout,
  });
  other.on('error', () => undefined);
  try {
    await connect(other, url);
    const [own, others] = [new Set<number>(), new Set<number>()];
    for (const turn of [client, other, client, client, other, other, client, other])
      (turn === client ? own : others).add((await ask(turn, config)).backend);
    return new Set([...own, ...others]).size !== 2 || own.size !== 1;
  } finally {
    await endClient(other);
  }
}

async function hearsItself(client: pg.Client): Promise<boolean> {
  const channel = `unstuck_probe_${randomUUID().replaceAll('-', '')}`;
  const heard = new Promise<void>((resolve) => client.once('notification', () => resolve()));
  await client.query(`listen ${channel}`);
  await client.query(`notify ${channel}`);
  return settlesWithin(heard, LISTEN_PROBE_MS);
}
