/** Audit: what people did to many jobs at once, who, why, and how far it came. */
import { type Statement, sql, statement } from './sql.ts';

/** A row of `audit`. */
export interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly by: string | null;
  readonly action: string;
  readonly reason: string | null;
  readonly detail: unknown;
}

/**
 * Opens an entry ($1 id, $2 by, $3 action, $4 reason, $5 detail as JSON), or locks it, and returns what it says. It waits for whoever writes it:
 * after a lost reply the entry tells which chunk was the last to be committed.
 */
export const openAudit: Statement<{ detail: unknown }> = statement(
  'open-audit',
  (t) => sql`
  insert into ${t.audit} as a (id, at, by, action, reason, detail, beat_at) values ($1, ${t.now}, $2, $3, $4, $5::text::jsonb, ${t.now})
  on conflict (id) do update set at = a.at
  returning a.detail`,
);

/** Adds what is known by now ($2 JSON) to the detail of an entry ($1); $3: it has ended, and the traces of the latest chunk go. */
export const noteAudit: Statement<{ id: string }> = statement(
  'note-audit',
  (t) => sql`
  update ${t.audit} a
  set detail = (case when $3::boolean then a.detail - 'cursor' - 'last' else a.detail end) || $2::text::jsonb,
    runner = case when $3::boolean then null else a.runner end, beat_at = case when $3::boolean then null else ${t.now} end
  where a.id = $1 returning a.id`,
);

/** What the details of a page hold at most, in bytes, beside that of its first entry: each may have an edited input. */
const PAGE_BYTES = sql`16777216`;

/** Entries, newest first, and how many there would be (`found`) if all were small: $1 the id after which to go on, $2 limit. */
export const listAudit: Statement<AuditRow & { readonly found: number }> = statement(
  'list-audit',
  (t) => sql`
  select p.id, p.at, p.by, p.action, p.reason, p.detail, p.found from (
    select a.*, count(*) over ()::integer as found, row_number() over page as place, sum(octet_length(a.detail::text)) over page as bytes
    from (select a.* from ${t.audit} a where $1::uuid is null or a.id < $1 order by a.id desc limit $2) a
    window page as (order by a.id desc rows unbounded preceding)) p
  where p.place = 1 or p.bytes <= ${PAGE_BYTES} order by p.place`,
);

/** Removes entries that are older than $1 ms. */
export const pruneAudit: Statement<Record<string, never>> = statement(
  'prune-audit',
  (t) => sql`delete from ${t.audit} a where a.at < ${t.now} - $1::bigint * interval '1 ms'`,
);
