/** Pull: workers that claim over HTTP. Their rows in `workers` have a lease, which their calls renew, and no session lock; their claims and ends are those of every worker. */
import { linksOf } from './gates.ts';
import type { JobLinks } from './links.ts';
import { eachJob } from './probes.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** The jobs that worker $1 holds, as a query of these columns of `jobs j`. */
const heldBy = (t: Names, columns: Sql): Sql => sql`
    select distinct on (j.id) ${columns} from ${t.claims} c cross join lateral unnest(c.job_ids) as held (id)
    ${eachJob(t, sql`j.id, j.crashes`, sql`j.id = held.id and j.worker_id = $1::uuid`)} where c.worker_id = $1::uuid`;

/**
 * Registers a worker ($1 id, $2 name, $3 lease in ms, $4 types, $5 how many more jobs it takes) or renews its lease, also one that was declared dead: what it
 * has lost meanwhile its tokens tell. No row: the id is that of a worker of another kind.
 */
export const registerPull: Statement<{ id: string }> = statement(
  'register-pull',
  (t) => sql`
  with held as materialized (
    select count(*)::integer as n from (${heldBy(t, sql`j.id`)}) h
  )
  insert into ${t.workers} as w (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, running,
    version, started_at, pull)
  select $1::uuid, $2, 'http', 0, '', $3::integer, ${t.now} + $3::integer * interval '1 ms', ${t.now}, 'live', $4::text[],
    held.n + $5::integer, held.n, 'http', ${t.now}, true
  from held
  on conflict (id) do update set name = excluded.name, lease_ms = excluded.lease_ms, lease_until = excluded.lease_until,
    beat_at = excluded.beat_at, state = 'live', ended_at = null, types = excluded.types, concurrency = excluded.concurrency,
    running = excluded.running
  where w.pull and w.host = 'http' returning w.id::text`,
);

/** Renews the lease of a worker ($1) that waits; no row when it has signed off meanwhile. */
export const renewPull: Statement<{ id: string }> = statement(
  'renew-pull',
  (t) => sql`
  update ${t.workers} w set lease_until = ${t.now} + w.lease_ms * interval '1 ms', beat_at = ${t.now}, state = 'live', ended_at = null
  where w.id = $1 and w.pull and w.state in ('live', 'dead') returning w.id::text`,
);

/**
 * What a worker ($1) that wants jobs of types ($2) holds: whether anything, and whether one that must run alone; and whether such a job waits, and for
 * longer than the second in which idle workers come first.
 */
export const pullState: Statement<{
  held: boolean;
  runs_alone: boolean;
  alone: boolean;
  alone_waits: boolean;
}> = statement(
  'pull-state',
  (t) => sql`
  select h.n > 0 as held, h.alone as runs_alone, w.since is not null as alone,
    coalesce(w.since < ${t.now} - interval '1 second', false) as alone_waits
  from (
    select count(*) as n, coalesce(bool_or(h.crashes > 0), false) as alone from (${heldBy(t, sql`j.id, j.crashes`)}) h
  ) h cross join (
    select min(f.updated_at) as since from unnest($2::text[]) as wanted (type) cross join lateral (
      select j.updated_at from ${t.jobs} j
      where j.lane = 0 and j.type = wanted.type and j.waits_for is null and j.crashes > 0 and j.worker_id is null
      order by j.rank, j.seq limit 1) f
  ) w`,
);

/** What is known of types ($1) that somebody has defined: their queue and their timeout. */
export const findTimeouts: Statement<{ type: string; queue: string; timeout_ms: string }> =
  statement(
    'find-timeouts',
    (t) =>
      sql`select type, queue, timeout_ms::text from ${t.jobTypes} where type = any($1::text[])`,
  );

/** A job as it is handed to a worker, beside what its claim says. */
export interface HandedRow {
  readonly id: string;
  readonly token: string;
  readonly expires_at: Date;
  readonly tags: string[];
  readonly progress: number | null;
  readonly progress_note: string | null;
}

/** Notes that a worker ($1) runs jobs ($2) that it has just claimed, and returns what a claim does not say of them. */
export const handOver: Statement<HandedRow> = statement(
  'hand-over',
  (t) => sql`
  with noted as (
    update ${t.workers} w set running = w.running + cardinality($2::uuid[]) where w.id = $1
  )
  select j.id::text, j.token::text, j.expires_at, j.tags, j.progress, j.progress_note
  from unnest($2::uuid[]) as given (id)
  ${eachJob(t, sql`j.id, j.token, j.expires_at, j.tags, j.progress, j.progress_note`, sql`j.id = given.id and j.worker_id = $1`)}`,
);

/** An attempt that a pull worker holds. */
export interface PulledRow {
  readonly worker_id: string;
  readonly type: string;
  readonly attempt: number;
  readonly attempts_max: number;
  readonly snoozes: number;
  readonly links: JobLinks | null;
  /** How the type is retried; null when nobody has defined it. */
  readonly backoff_base_ms: string | null;
  readonly backoff_max_ms: string | null;
}

/** The attempt of a job ($1) under a token ($2), when a pull worker holds it. */
export const findPulled: Statement<PulledRow> = statement(
  'find-pulled',
  (t) => sql`
  select j.worker_id::text, j.type, j.attempt, j.attempts_max, j.snoozes, ${linksOf(sql`j`)} as links, y.backoff_base_ms::text, y.backoff_max_ms::text
  from ${t.jobs} j join ${t.workers} w on w.id = j.worker_id and w.pull left join ${t.jobTypes} y on y.type = j.type
  where j.id = $1 and j.lane = 0 and j.token = $2::bigint`,
);

/** Renews the lease of the worker that holds a job ($1) under a token ($2): no row when no pull worker does any more. */
export const beatPulled: Statement<{ worker_id: string; expires_at: Date; timed_out: boolean }> =
  statement(
    'beat-pulled',
    (t) => sql`
  with held as materialized (
    select j.worker_id, j.expires_at from ${t.jobs} j where j.id = $1 and j.lane = 0 and j.token = $2::bigint
  ), beat as (
    update ${t.workers} w set lease_until = ${t.now} + w.lease_ms * interval '1 ms', beat_at = ${t.now}, state = 'live', ended_at = null
    from held where w.id = held.worker_id and w.pull and w.state in ('live', 'dead') returning w.id
  ), heard as (
    update ${t.dispatches} d set state = 'accepted', accepted_at = coalesce(d.accepted_at, ${t.now}), heard_at = ${t.now},
      look_at = ${t.now} + g.silence_ms * interval '1 ms'
    from beat, ${t.targets} g where d.job_id = $1 and d.token = $2::bigint and d.state <> 'closed' and g.name = d.target
  )
  select held.worker_id::text, held.expires_at, held.expires_at < ${t.now} as timed_out from held join beat on beat.id = held.worker_id`,
  );

/** What became of an attempt that nobody holds any more. */
export interface FormerRow {
  /** Whether there is such a job. */
  readonly known: boolean;
  /** Null when nothing is recorded of the attempt. */
  readonly type: string | null;
  readonly attempt: number | null;
  readonly worker_id: string | null;
  readonly outcomes: string[];
  /** How the job ended, when this was its last attempt. */
  readonly state: string | null;
  /** Whether this attempt itself ended the job. */
  readonly done: boolean;
}

/** What became of the attempt of a job ($1) under a token ($2). */
export const findFormer: Statement<FormerRow> = statement(
  'find-former',
  (t) => sql`
  with tried as materialized (
    select a.type, a.attempt, a.worker_id, a.outcome from ${t.attempts} a where a.job_id = $1 and a.token = $2::bigint
  ), ended as materialized (
    select f.type, f.attempt, f.worker_id, f.state, f.token, f.done_token from ${t.finished} f where f.id = $1 limit 1
  ), last as materialized (
    select e.* from ended e where e.token = $2::bigint and e.token > 0
  )
  select exists (select from ended) or exists (select from ${t.jobs} j where j.id = $1) as known,
    o.type, o.attempt, o.worker_id::text, array(select t.outcome from tried t) as outcomes,
    (select l.state from last l) as state, coalesce((select l.done_token = $2::bigint from last l), false) as done
  from (select) one left join lateral (
    select t.type, t.attempt, t.worker_id from tried t union all select l.type, l.attempt, l.worker_id from last l
    union all select coalesce(j.type, e.type), greatest(1, coalesce(j.attempt, e.attempt)), g.worker_id
      from ${t.dispatches} d join ${t.targets} g on g.name = d.target left join ${t.jobs} j on j.id = $1 left join ended e on true
      where d.job_id = $1 and d.token = $2::bigint and coalesce(j.type, e.type) is not null
    limit 1) o on true`,
);

/** Makes a pull worker ($1) claim no more; no row when there is none of this id. */
export const stopPulling: Statement<{ id: string }> = statement(
  'stop-pulling',
  (t) =>
    sql`update ${t.workers} w set state = 'stopping' where w.id = $1 and w.pull and w.host = 'http' and w.state in ('live', 'stopping') returning w.id::text`,
);
