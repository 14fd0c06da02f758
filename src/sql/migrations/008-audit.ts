/** What people did to many jobs at once: who, why, and how far it came. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 8: `audit`. Single jobs have their `events`; a deleted job has none, so what deleted it is told here. */
export function audit(t: Names): readonly Sql[] {
  return [
    sql`
  create table ${t.audit} (
    id uuid primary key,
    at timestamptz not null,
    by text,
    action text not null,
    reason text,
    detail jsonb not null default '{}'
  )`,
  ];
}
