/** Tokens and sessions: who may use the HTTP API. */
import { type Sql, type Statement, sql, statement } from './sql.ts';

/** A row of `tokens`, without what is secret. */
export interface TokenRow {
  readonly number: string;
  readonly id: string;
  readonly name: string;
  readonly scopes: string[];
  readonly created_at: Date;
  readonly created_by: string | null;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly revoked_by: string | null;
  readonly revoke_reason: string | null;
  readonly last_used_at: Date | null;
  readonly valid: boolean;
}

/** What is compared with the token of a request, and for how long the answer holds. */
export interface TokenProofRow {
  readonly id: string;
  readonly digest: Buffer;
  readonly name: string;
  readonly scopes: string[];
  /** Milliseconds until it expires; null for never. */
  readonly left_ms: number | null;
  /** Whether its last use was noted more than a minute ago. */
  readonly stale: boolean;
}

/** A session that is valid, and the token that it belongs to; `name` is null for that of the environment. */
export interface SessionRow {
  readonly proof: Buffer | null;
  readonly token_id: string | null;
  readonly name: string | null;
  readonly scopes: string[] | null;
  /** Milliseconds until it, or its token, ends. */
  readonly left_ms: number;
  readonly stale: boolean;
}

/** A token that can be used now. */
function valid(now: Sql): Sql {
  return sql`k.revoked_at is null and (k.expires_at is null or k.expires_at > ${now})`;
}

const SHOWN = sql`k.number, k.id, k.name, k.scopes, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.revoked_by, k.revoke_reason, k.last_used_at`;

/** Stores a token: $1 id, $2 digest, $3 name, $4 scopes, $5 by, $6 lasts ms or null. */
export const storeToken: Statement<TokenRow> = statement(
  'store-token',
  (t) => sql`
  insert into ${t.tokens} as k (id, digest, name, scopes, created_at, created_by, expires_at)
  values ($1, $2::bytea, $3, $4::text[], ${t.now}, $5, ${t.now} + $6::bigint * interval '1 ms')
  on conflict (id) do update set name = k.name where k.digest = excluded.digest
  returning ${SHOWN}, ${valid(t.now)} as valid`,
);

/** Tokens, newest first: $1 the number behind which to go on or null, $2 limit. */
export const listTokens: Statement<TokenRow> = statement(
  'list-tokens',
  (t) => sql`
  select ${SHOWN}, ${valid(t.now)} as valid from ${t.tokens} k
  where $1::bigint is null or k.number < $1 order by k.number desc limit $2`,
);

/** Revokes a token ($1 id, $2 by, $3 reason); one that was revoked stays as it is. */
export const revokeToken: Statement<TokenRow> = statement(
  'revoke-token',
  (t) => sql`
  update ${t.tokens} k
  set revoked_at = coalesce(k.revoked_at, ${t.now}),
    revoked_by = case when k.revoked_at is null then $2 else k.revoked_by end,
    revoke_reason = case when k.revoked_at is null then $3 else k.revoke_reason end
  where k.id = $1 returning ${SHOWN}, ${valid(t.now)} as valid`,
);

/** What a token ($1 id) is compared with; no row when it is unknown, revoked or expired. */
export const proveToken: Statement<TokenProofRow> = statement(
  'prove-token',
  (t) => sql`
  select k.id, k.digest, k.name, k.scopes, extract(epoch from k.expires_at - ${t.now})::float8 * 1000 as left_ms,
    coalesce(k.last_used_at < ${t.now} - interval '1 minute', true) as stale
  from ${t.tokens} k where k.id = $1 and ${valid(t.now)}`,
);

/** Notes that a token ($1 id) was used; whoever finds it locked leaves that to the other. */
export const touchToken: Statement<Record<string, never>> = statement(
  'touch-token',
  (t) => sql`
  update ${t.tokens} k set last_used_at = ${t.now}
  from (select l.id from ${t.tokens} l where l.id = $1 for no key update skip locked) free where k.id = free.id`,
);

/** Opens a session: $1 digest, $2 token id or null, $3 proof or null. */
export const storeSession: Statement<Record<string, never>> = statement(
  'store-session',
  (t) => sql`
  insert into ${t.sessions} (digest, token_id, proof, created_at, used_at) values ($1::bytea, $2, $3::bytea, ${t.now}, ${t.now})
  on conflict (digest) do nothing`,
);

/** The session of a digest ($1) unless it was idle for $2 ms, is older than $3 ms, or its token has ended. */
export const proveSession: Statement<SessionRow> = statement(
  'prove-session',
  (t) => sql`
  select s.proof, s.token_id, k.name, k.scopes, s.used_at < ${t.now} - interval '1 minute' as stale,
    extract(epoch from least(s.used_at + $2::bigint * interval '1 ms', s.created_at + $3::bigint * interval '1 ms', k.expires_at)
      - ${t.now})::float8 * 1000 as left_ms
  from ${t.sessions} s left join ${t.tokens} k on k.id = s.token_id
  where s.digest = $1::bytea and s.used_at > ${t.now} - $2::bigint * interval '1 ms' and s.created_at > ${t.now} - $3::bigint * interval '1 ms'
    and (s.token_id is null or ${valid(t.now)})`,
);

/** Notes that a session ($1 digest) was used; whoever finds it locked leaves that to the other. */
export const touchSession: Statement<Record<string, never>> = statement(
  'touch-session',
  (t) => sql`
  update ${t.sessions} s set used_at = ${t.now}
  from (select l.digest from ${t.sessions} l where l.digest = $1::bytea for no key update skip locked) free where s.digest = free.digest`,
);

/** Ends a session ($1 digest). */
export const endSession: Statement<Record<string, never>> = statement(
  'end-session',
  (t) => sql`delete from ${t.sessions} s where s.digest = $1::bytea`,
);

/** Removes at most 1,000 sessions that were idle for $1 ms or are older than $2 ms. */
export const pruneSessions: Statement<Record<string, never>> = statement(
  'prune-sessions',
  (t) => sql`
  delete from ${t.sessions} s where s.digest in (
    select o.digest from ${t.sessions} o
    where o.used_at < ${t.now} - $1::bigint * interval '1 ms' or o.created_at < ${t.now} - $2::bigint * interval '1 ms'
    limit 1000 for update skip locked)`,
);
