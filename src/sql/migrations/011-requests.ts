/** What repeats and carries on: requests that bear a key, and changes of many jobs that go on in another process. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 11: `requests`; who carries a change of many jobs on, and when it last got on. */
export function requests(t: Names): readonly Sql[] {
  return [
    sql`
  create table ${t.requests} (
    sender text collate "C" not null,
    key text collate "C" not null,
    digest text not null,
    answers jsonb,
    at timestamptz not null,
    primary key (sender, key)
  );
  create index requests_at on ${t.requests} (at)`,
    sql`
  alter table ${t.audit} add column runner uuid, add column beat_at timestamptz;
  create index audit_carried on ${t.audit} (beat_at) where runner is not null`,
  ];
}
