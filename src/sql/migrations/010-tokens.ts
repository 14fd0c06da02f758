/** Who may use the HTTP API: tokens, and the sessions of people who logged in with one. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/**
 * Migration 10: `tokens` and `sessions`. Of a secret only its SHA-256 is here. A session belongs to a token, or to the one of the environment: then
 * `proof` is a code of that token under the session's own secret, which is not here, so that nobody can guess at the token with what is.
 */
export function tokens(t: Names): readonly Sql[] {
  return [
    sql`
  create table ${t.tokens} (
    number bigint generated always as identity unique,
    id text collate "C" primary key,
    digest bytea not null,
    name text not null,
    scopes text[] not null,
    created_at timestamptz not null default ${t.now},
    created_by text,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    revoke_reason text,
    last_used_at timestamptz,
    constraint tokens_bounds check (length(name) between 1 and 200 and cardinality(scopes) between 1 and 20 and octet_length(digest) = 32),
    constraint tokens_times_finite check (isfinite(created_at) and isfinite(expires_at) and isfinite(revoked_at)),
    constraint tokens_revoked check (revoked_at is not null or (revoked_by is null and revoke_reason is null))
  )`,
    sql`
  create table ${t.sessions} (
    digest bytea primary key,
    token_id text collate "C" references ${t.tokens} (id) on delete cascade,
    proof bytea,
    created_at timestamptz not null default ${t.now},
    used_at timestamptz not null default ${t.now},
    constraint sessions_of_one check ((token_id is null) <> (proof is null) and octet_length(digest) = 32)
  );
  create index sessions_token on ${t.sessions} (token_id);
  create index sessions_used on ${t.sessions} (used_at)`,
  ];
}
