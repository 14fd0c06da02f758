/** Requests: those that bear a key of their sender, so that a repeat is answered as the first one was. */
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** How long a request is remembered. */
const KEPT: Sql = sql`interval '24 hours'`;

const given: Sql = sql`unnest($1::text::text[], $2::text::text[], $3::text::text[])`;

/** By the keys of $1 senders and $2 keys. */
const same = (t: Names): Sql => sql`
  from ${t.requests} r where (r.sender, r.key) in (select g.sender, g.key from unnest($1::text::text[], $2::text::text[]) as g (sender, key))`;

/**
 * Remembers requests ($1 senders, $2 keys, $3 digests: arrays as text) that are new, or whose time is over, and returns their keys. It waits for
 * whoever serves one of them now; the keys are taken in their order, so that two of these wait for each other in one direction only.
 */
export const openRequests: Statement<{ sender: string; key: string }> = statement(
  'open-requests',
  (t) => sql`
  insert into ${t.requests} as r (sender, key, digest, at)
  select g.sender, g.key, g.digest, ${t.now} from ${given} as g (sender, key, digest) order by 1, 2
  on conflict (sender, key) do update set digest = excluded.digest, answers = null, at = excluded.at where r.at < excluded.at - ${KEPT}
  returning r.sender, r.key`,
);

/** What requests ($1 senders, $2 keys) were answered. */
export const readRequests: Statement<{
  sender: string;
  key: string;
  digest: string;
  answers: unknown;
}> = statement(
  'read-requests',
  (t) => sql`select r.sender, r.key, r.digest, r.answers ${same(t)} and r.at >= ${t.now} - ${KEPT}`,
);

/** Notes what requests ($1 senders, $2 keys) were answered ($3: a JSON list in their order). */
export const noteRequests: Statement<Record<string, never>> = statement(
  'note-requests',
  (t) => sql`
  update ${t.requests} r set answers = g.answers
  from rows from (unnest($1::text::text[], $2::text::text[]), jsonb_array_elements($3::text::jsonb)) as g (sender, key, answers)
  where r.sender = g.sender and r.key = g.key`,
);

/** Forgets requests ($1 senders, $2 keys): nothing was stored for them, so their keys are free. */
export const dropRequests: Statement<Record<string, never>> = statement(
  'drop-requests',
  (t) => sql`
  delete ${same(t)}`,
);

/** Forgets requests whose time is over, at most $1; returns how many. */
export const pruneRequests: Statement<{ gone: number }> = statement(
  'prune-requests',
  (t) => sql`
  with gone as (
    delete from ${t.requests} r where r.ctid = any (array(
      select o.ctid from ${t.requests} o where o.at < ${t.now} - ${KEPT} order by o.at limit $1 for update skip locked))
      and r.at < ${t.now} - ${KEPT} returning r.at
  )
  select count(*)::integer as gone from gone`,
);

/** A place in a transaction to which it can be rolled back. */
export const savepoint: Sql = sql`savepoint part`;
/** Gives that place up. */
export const releaseSavepoint: Sql = sql`release savepoint part`;
/** Rolls back to it. */
export const rollbackToSavepoint: Sql = sql`rollback to savepoint part`;
