/** Watch: what has changed, told cheaply for those who show it; nothing here changes a row. */
import { stateOfRow } from './guards.ts';
import { type Statement, sql, statement } from './sql.ts';

/** A mark of everything that people set; one that differs from the one before says that its topic has changed. */
export const readMarks: Statement<{ topic: string; mark: string }> = statement(
  'read-marks',
  (t) => sql`
  select 'pools' as topic, concat(count(*), ' ', max(p.updated_at)) as mark from ${t.pools} p
  union all select 'limits', concat(count(*), ' ', max(l.updated_at)) from ${t.limits} l
  union all select 'schedules', concat(count(*), ' ', max(s.updated_at), ' ', sum(s.fired_times), ' ', sum(s.errors)) from ${t.schedules} s
  union all select 'queues', concat((select count(*) from ${t.jobTypes} y), ' ', count(*), ' ', max(z.at))
    from ${t.pauses} z where z.until is null or z.until > ${t.now}`,
);

/** A job as somebody sees it who watches it. */
export interface WatchedRow {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly waits_for: string | null;
  readonly deadline: Date | null;
  readonly attempt: number;
  readonly progress: number | null;
  readonly progress_note: string | null;
  readonly finished_at: Date | null;
}

/** Of these ids ($1) the live jobs. */
export const watchLive: Statement<WatchedRow> = statement(
  'watch-live',
  (t) => sql`
  select j.id::text, j.type, ${stateOfRow} as state, j.waits_for,
    case when j.waits_for is not null then j.wake_at when j.worker_id is null then j.claim_by else j.expires_at end as deadline,
    j.attempt, j.progress, j.progress_note, null::timestamptz as finished_at
  from ${t.jobs} j where j.id = any($1::uuid[])`,
);

/** Of these ids ($1) the finished jobs, not ended before $2: days before the oldest of them was made are left out. */
export const watchFinished: Statement<WatchedRow> = statement(
  'watch-finished',
  (t) => sql`
  select f.id::text, f.type, f.state, null as waits_for, null::timestamptz as deadline, f.attempt, f.progress, f.progress_note, f.finished_at
  from ${t.finished} f where f.id = any($1::uuid[]) and f.finished_at >= $2`,
);
