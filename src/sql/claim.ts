/** Claim: a worker takes queued jobs under a new token, in batches, in the order of the ready index. */
import { linksAndTraceOf } from './gates.ts';
import { from } from './guards.ts';
import type { JobLinks } from './links.ts';
import { finishCtes, refusedRows } from './settle.ts';
import { type Names, positional, raw, type Sql, type Statement, sql, statement } from './sql.ts';

/** One claimed job. */
export interface ClaimRow {
  readonly id: string;
  readonly token: string;
  readonly type: string;
  readonly rank: number;
  readonly seq: string;
  readonly attempt: number;
  readonly attempts_max: number;
  readonly crashes: number;
  readonly snoozes: number;
  /** The job's own timeout, a bigint as text; null means that of its type. */
  readonly timeout_ms: string | null;
  readonly input: unknown;
  /** Its parent, its pool and the key of its limit; null for a plain job. */
  readonly links: JobLinks | null;
  /** Where it was enqueued, and its last attempt: what the row holds, unchecked. Missing when nobody traced it. */
  readonly trace?: unknown;
}

/**
 * A row as it is sent, by the places of its columns. What a plain job has at its first attempt is null, and a trace travels behind the links: each column that
 * a row does not move saves its server and its worker 0.1 µs.
 */
export type SentClaimRow = readonly [
  id: string,
  /** Null where only one type was asked for. */
  type: string | null,
  seq: string,
  /** `token attempt crashes snoozes rank timeout_ms`, null for `1 1 0 0 0` and no timeout. `alone` or `refused token` of what is no claimed job. */
  counts: string | null,
  /** Null for `ATTEMPTS_USUAL`. */
  attemptsMax: number | null,
  input: unknown,
  links: JobLinks | readonly [...JobLinks, trace: unknown] | null,
];

/** How many attempts most jobs have: those of a type that says nothing. */
export const ATTEMPTS_USUAL = 5;

/** What a claim is asked for: the places of its parameters, beside $1, its worker. */
interface Asked {
  /** The id of the claim. */
  readonly claim: Sql;
  /** The types in the order in which to take them (JSON: type, queue, timeout_ms, and the cursor rank/seq behind which to start). */
  readonly types: Sql;
  readonly limit: Sql;
  /** What its commit waits for: nothing, or a relation that says so. */
  readonly commit: Sql;
}

const CLAIM_ONLY: Asked = { claim: sql`$2`, types: sql`$3`, limit: sql`$4`, commit: sql`` };
const AFTER_ENDS: Asked = { claim: sql`$9`, types: sql`$10`, limit: sql`$11`, commit: sql`` };

/**
 * For this transaction only. A crash of the server may forget such a claim, never half of it: the job is queued again, and whatever is written of the
 * forgotten attempt is refused (decision 034).
 */
const SOON: Asked = {
  ...CLAIM_ONLY,
  commit: sql` cross join (select set_config('synchronous_commit', 'off', true)) as soon`,
};

/**
 * The lateral per type keeps locks exact (a global sort locked 2,040 rows to claim 50); `materialized` keeps a bad plan from running the
 * limit twice (B2). Types that are paused are left out. The worker must be live (B7) and is named in `claims` before anything runs. `which`: which of the queued jobs.
 */
const dueCtes = (t: Names, asked: Asked, which: Sql): Sql => sql`
  alive as materialized (
    select w.id from ${t.workers} w${asked.commit} where w.id = $1 and w.state = 'live' and w.lease_until > ${t.now}
  ), asked as materialized (
    select * from jsonb_to_recordset(${asked.types}::text::jsonb) as w (type text, queue text, timeout_ms bigint, rank integer, seq bigint)
  ), wanted as materialized (
    select * from asked w where not exists (select from ${t.pauses} z
      where (z.kind = 'type' and z.name = w.type or z.kind = 'queue' and z.name = w.queue) and (z.until is null or z.until > ${t.now}))
  ), due as materialized (
    select d.place
    from alive cross join wanted
    cross join lateral (
      select j.ctid as place
      from ${t.jobs} j
      where j.lane = 0 and j.type = wanted.type and j.waits_for is null and j.worker_id is null and ${which}
      order by j.rank, j.seq
      limit ${asked.limit}
      for update skip locked
    ) d
    limit ${asked.limit}
  )`;

/**
 * Marks the rows of `due` as running and notes them. They are reached by their places: the rows are locked, so they do not move, and one
 * that had moved before its lock is left for the next claim. The guard is checked again on the row (B1).
 */
const claimedCtes = (t: Names, asked: Asked, waitsAlone: Sql): Sql => sql`
  claimed as (
    update ${t.jobs} j
    set worker_id = $1, token = j.token + 1, attempt = j.attempt + 1, waits_alone = ${waitsAlone}, started_at = ${t.now}, updated_at = ${t.now},
      expires_at = ${t.now} + coalesce(j.timeout_ms, (select min(w.timeout_ms) from wanted w having min(w.timeout_ms) = max(w.timeout_ms)),
        (select w.timeout_ms from wanted w where w.type = j.type)) * interval '1 ms'
    where j.ctid = any (array(select due.place from due)) and ${from('claim')}
    returning j.id, j.token, j.type, j.rank, j.seq, j.attempt, j.attempts_max, j.crashes, j.snoozes, j.expires_at, j.timeout_ms, j.input,
      ${linksAndTraceOf(sql`j`)} as links
  ), noted as (
    insert into ${t.claims} (id, worker_id, job_ids, expires_at, created_at)
    select ${asked.claim}, $1, array_agg(id), min(expires_at), ${t.now} from claimed having count(*) > 0
  )`;

const claimCtes = (t: Names, asked: Asked): Sql => sql`
  ${dueCtes(t, asked, sql`j.crashes = 0 and (j.rank, j.seq) > (wanted.rank, wanted.seq)`)}, ${claimedCtes(t, asked, sql`false`)}`;

const claimedRows: Sql = sql`
  select id, case when (select count(*) > 1 from asked) then type end as type, seq,
    case when token <> 1 or attempt <> 1 or crashes <> 0 or snoozes <> 0 or rank <> 0 or timeout_ms is not null
      then concat_ws(' ', token, attempt, crashes, snoozes, rank, timeout_ms) end as counts,
    nullif(attempts_max, ${raw(String(ATTEMPTS_USUAL))}) as attempts_max, input, links
  from claimed`;

const aloneRows = (t: Names): Sql => sql`
  select null, null, null, 'alone', null, null, null
  where exists (
    select from wanted cross join lateral (
      select from ${t.jobs} j
      where j.lane = 0 and j.type = wanted.type and j.waits_for is null and j.crashes > 0 and j.worker_id is null
      order by j.rank, j.seq limit 1) one)`;

/**
 * $1 worker, $2 id of the claim, $3 types, $4 limit (see `Asked`): claims jobs, without waiting for the disk. For a worker of this process: it hands
 * nothing of a claim to anybody before something durable, which takes the claim to the disk with it.
 */
export const claimJobs: Statement<SentClaimRow> = positional(
  'claim-jobs',
  (t) => sql`with ${claimCtes(t, SOON)} ${claimedRows} union all ${aloneRows(t)}`,
);

/** The same, on disk when it returns: for a claim whose fence leaves this process. */
export const claimDurably: Statement<SentClaimRow> = positional(
  'claim-durably',
  (t) => sql`with ${claimCtes(t, CLAIM_ONLY)} ${claimedRows} union all ${aloneRows(t)}`,
);

/** Ends attempts ($1 to $8, see `finishCtes`) and claims jobs ($9 id of the claim, $10 types, $11 limit), in one statement and one commit. */
export const finishAndClaim: Statement<SentClaimRow> = positional(
  'finish-and-claim',
  (t) => sql`
  with ${finishCtes(t)}, ${claimCtes(t, AFTER_ENDS)}
  ${claimedRows} union all ${aloneRows(t)} union all ${refusedRows}`,
);

/**
 * Claims one job that was lost with its worker before, to run alone: $1 to $4 as for `claimJobs`. $5: false leaves those that came within the
 * last second to idle workers.
 */
export const claimAlone: Statement<SentClaimRow> = positional(
  'claim-alone',
  (t) => sql`
  with ${dueCtes(t, CLAIM_ONLY, sql`j.crashes > 0 and ($5::boolean or j.updated_at < ${t.now} - interval '1 second')`)},
  ${claimedCtes(t, CLAIM_ONLY, sql`true`)}
  ${claimedRows}`,
);

/**
 * Stamps the time of a job that waits in its worker until it can run alone, or ($5) starts it now: $1 worker, $2 job, $3 token, $4 timeout
 * in ms. Until it is started, the loss of its worker is not its fault.
 */
export const stampAlone: Statement<{ id: string }> = statement(
  'stamp-alone',
  (t) => sql`
  update ${t.jobs} j set started_at = ${t.now}, expires_at = ${t.now} + $4::bigint * interval '1 ms', updated_at = ${t.now},
    waits_alone = not $5::boolean
  where j.id = $2 and j.worker_id = $1 and j.token = $3 returning j.id::text`,
);

/**
 * The heads of the queues of types ($1), by priority: where the oldest job of each stands. One probe for each pair of type and rank, however long
 * the queues are.
 */
export const findHeads: Statement<{ type: string; rank: number; seq: string }> = statement(
  'find-heads',
  (t) => sql`
  with recursive heads (type, rank, seq) as (
    select h.* from unnest($1::text[]) as w (type) cross join lateral (
      select j.type, j.rank, j.seq from ${t.jobs} j
      where j.type = w.type and j.waits_for is null and j.worker_id is null order by j.rank, j.seq limit 1) h
    union all
    select n.* from heads h cross join lateral (
      select j.type, j.rank, j.seq from ${t.jobs} j
      where j.type = h.type and j.waits_for is null and j.worker_id is null and j.rank > h.rank order by j.rank, j.seq limit 1) n
  )
  select type, rank, seq::text from heads`,
);
