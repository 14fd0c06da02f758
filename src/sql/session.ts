/** Session: what is asked of a server and set on each connection before anything else. */
import { raw, type Sql, type Statement, sql, statement } from './sql.ts';

/** What a server says about itself. */
export interface ServerRow {
  readonly version: number;
  readonly backend: number;
  readonly standby: boolean;
  readonly database: string;
}

/** Version, backend process, whether it is a read-only standby. */
export const probeServer: Statement<ServerRow> = statement(
  'probe-server',
  () => sql`
  select current_setting('server_version_num')::integer as version, pg_backend_pid() as backend,
    pg_is_in_recovery() as standby, current_database() as database`,
);

/** Whether a backend process ($1) still serves a session. */
export const findSession: Statement<{ pid: number }> = statement(
  'find-session',
  () => sql`select pid from pg_stat_activity where pid = $1::integer`,
);

/** The settings of an engine connection: timeouts in ms, and pinned plans (an unanalysed backlog of 1M made a peer sort it per claim). */
export function engineSettings(timeouts: {
  readonly statementMs: number;
  readonly lockMs: number;
  readonly idleMs: number;
}): Sql {
  return raw(
    `select set_config('statement_timeout', '${timeouts.statementMs}', false), set_config('lock_timeout', '${timeouts.lockMs}', false),
     set_config('idle_in_transaction_session_timeout', '${timeouts.idleMs}', false), set_config('timezone', 'UTC', false),
     set_config('default_transaction_isolation', 'read committed', false), set_config('default_transaction_read_only', 'off', false),
     set_config('enable_seqscan', 'off', false), set_config('enable_sort', 'off', false), set_config('enable_bitmapscan', 'off', false),
     set_config('max_parallel_workers_per_gather', '0', false),
     set_config('jit', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', false)`,
  );
}

/** The settings of a connection on which users' own statements run: timeouts only, plans as the server likes. */
export function transactionSettings(idleMs: number): Sql {
  return raw(`select set_config('idle_in_transaction_session_timeout', '${idleMs}', false)`);
}

/** Starts to listen. The channel is the schema's name. */
export function listen(schema: string): Sql {
  return raw(`listen "${schema}"`);
}

/** Begins, commits and rolls back a transaction. */
export const begin: Sql = sql`begin isolation level read committed`;
/** Commits. */
export const commit: Sql = sql`commit`;
/** Rolls back. */
export const rollback: Sql = sql`rollback`;
