/** Bulk actions: changes of many jobs that a server carries on by their entries in `audit`, whoever asked for them. */
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** An entry of `audit` that is a change of many jobs. */
export interface ActionRow {
  readonly id: string;
  readonly at: Date;
  readonly by: string | null;
  readonly action: string;
  readonly reason: string | null;
  readonly detail: unknown;
  readonly runner: string | null;
  /** Whether whoever runs it has been heard of lately. */
  readonly alive: boolean;
}

/** Whoever runs one and was not heard of for so long is believed dead. */
const SILENT: Sql = sql`interval '30 seconds'`;

/** With what was asked, which whoever carries it on must know: the edited input may have a megabyte. */
const whole: Sql = sql`a.detail`;
const withoutInput: Sql = sql`a.detail - 'request' as detail`;

const columns = (t: Names, detail: Sql): Sql =>
  sql`a.id::text, a.at, a.by, a.action, a.reason, ${detail}, a.runner::text, (a.beat_at > ${t.now} - ${SILENT}) is true as alive`;

/** Opens an entry ($1 id, $2 by, $3 action, $4 reason, $5 detail as JSON) that the process $6 runs; a repeat finds it as it is. */
export const openAction: Statement<ActionRow> = statement(
  'open-action',
  (t) => sql`
  insert into ${t.audit} as a (id, at, by, action, reason, detail, runner, beat_at)
  values ($1, ${t.now}, $2, $3, $4, $5::text::jsonb, $6, ${t.now})
  on conflict (id) do update set beat_at = excluded.beat_at where a.runner = excluded.runner returning ${columns(t, whole)}`,
);

/** Locks an entry ($1) that the process $2 runs until the transaction ends, and says that it is alive. */
export const lockAction: Statement<{ detail: unknown }> = statement(
  'lock-action',
  (t) => sql`
  update ${t.audit} a set beat_at = ${t.now} where a.id = $1 and a.runner = $2 returning a.detail`,
);

/** Those whose process has fallen silent. */
export const silentActions = (t: Names): Sql =>
  sql`from ${t.audit} a where a.runner is not null and a.beat_at < ${t.now} - ${SILENT}`;

/**
 * Gives an entry whose process has fallen silent to the process $1, which may have left it behind itself, but for those that it runs ($2): in one
 * process nobody else is there to take them.
 */
export const adoptAction: Statement<ActionRow> = statement(
  'adopt-action',
  (t) => sql`
  update ${t.audit} a set runner = $1, beat_at = ${t.now}
  where a.id = (
    select a.id ${silentActions(t)} and a.id <> all ($2::uuid[]) order by a.beat_at limit 1 for update skip locked)
  returning ${columns(t, whole)}`,
);

/** Lets others have what the process $1 runs: it stops. */
export const abandonActions: Statement<Record<string, never>> = statement(
  'abandon-actions',
  (t) => sql`update ${t.audit} a set beat_at = '-infinity' where a.runner = $1`,
);

/** Asks for the end of a change ($1) that goes on: $2 who asks and why, as JSON. */
export const abortAction: Statement<ActionRow> = statement(
  'abort-action',
  (t) => sql`
  update ${t.audit} a set detail = a.detail || jsonb_build_object('abort', $2::text::jsonb)
  where a.id = $1 and a.action in ('retry', 'cancel', 'delete') and a.detail -> 'ended' = 'false' returning ${columns(t, withoutInput)}`,
);

/** One of them ($1). */
export const findAction: Statement<ActionRow> = statement(
  'find-action',
  (t) => sql`
  select ${columns(t, withoutInput)} from ${t.audit} a where a.id = $1 and a.action in ('retry', 'cancel', 'delete')`,
);

/** All of them, newest first: $1 the id after which to go on, $2 limit. */
export const listActions: Statement<ActionRow> = statement(
  'list-actions',
  (t) => sql`
  select ${columns(t, withoutInput)} from ${t.audit} a
  where a.action in ('retry', 'cancel', 'delete') and ($1::uuid is null or a.id < $1) order by a.id desc limit $2`,
);
