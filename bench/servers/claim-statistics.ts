/** What the claims of a system cost inside PostgreSQL, by its statement statistics: the same view of every system. */
import type { Client } from 'pg';

/** Switches the statistics on for the connections that follow; they are off elsewhere, to cost nothing. */
export async function watchStatements(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  const name = rows[0]?.name ?? '';
  await client.query('create extension pg_stat_statements');
  await client.query(`alter database ${name} set compute_query_id = on`);
  await client.query(`alter database ${name} set pg_stat_statements.track = 'all'`);
}

/** Forgets what was seen so far. */
export async function forgetStatements(client: Client | undefined): Promise<void> {
  await client?.query('select pg_stat_statements_reset()');
}

/**
 * Returns the execution time per claimed job: of the statement with SKIP LOCKED that returned the most rows. A system that
 * settles ended jobs in its claim pays for both here.
 */
export async function claimMicros(client: Client | undefined): Promise<number | undefined> {
  const result = await client?.query<{ micros: number }>(
    `select total_exec_time * 1000 / nullif(rows, 0) as micros
     from pg_stat_statements
     where query ilike '%skip locked%' and dbid = (select oid from pg_database where datname = current_database())
     order by rows desc limit 1`,
  );
  return result?.rows[0]?.micros ?? undefined;
}
