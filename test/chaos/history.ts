// What happened, as the workers wrote it down before they acted, and as a trigger saw it in the database.
import { readFileSync } from 'node:fs';
import type { Client } from 'pg';

/** One line that a worker process appended before it acted. */
export interface HistoryLine {
  /** Milliseconds of the machine's clock. */
  readonly at: number;
  readonly pid: number;
  readonly event: 'start' | 'before-commit' | 'end' | 'threw' | 'aborted';
  readonly job: string;
  readonly type: string;
  readonly token: string;
  readonly crashes: number;
}

/** Reads the lines in the order in which they were appended. */
export function readHistory(path: string): HistoryLine[] {
  // What stands behind the last line break is being written.
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as HistoryLine);
}

/** Watches every row of `jobs` in the order in which it changed: row locks make `seq` the order of one job's transitions. */
export const AUDIT = `
  create table public.effects (job_id uuid not null, token bigint not null, pid integer not null);
  create table public.audit (seq bigint generated always as identity, job_id uuid not null, what text not null, token bigint not null,
    worker_id uuid, xid xid8 not null default pg_current_xact_id(), at timestamptz not null default clock_timestamp());
  create function public.watch_jobs() returns trigger language plpgsql as $$
  begin
    if tg_op = 'INSERT' then insert into public.audit (job_id, what, token) values (new.id, 'insert', new.token);
    elsif tg_op = 'DELETE' then insert into public.audit (job_id, what, token, worker_id) values (old.id, 'end', old.token, old.worker_id);
    elsif new.token <> old.token then insert into public.audit (job_id, what, token, worker_id) values (new.id, 'claim', new.token, new.worker_id);
    end if;
    return null;
  end $$;
  create trigger watch_jobs after insert or update of token, worker_id or delete on unstuck.jobs for each row execute function public.watch_jobs();
  create index on public.audit (job_id); create index on public.effects (job_id)`;

/** What the checker is told. */
export interface Expected {
  /** Ids whose enqueue was acknowledged: each must end exactly once. */
  readonly acked: readonly string[];
  /** When the cancel of a job was acknowledged, in milliseconds of the machine's clock. */
  readonly cancelledAt?: ReadonlyMap<string, number>;
  /** How long after a cancel's commit an attempt may still be started: two heartbeats, in milliseconds. */
  readonly twoBeatsMs?: number;
}

/** What is wrong with a history, one line each; empty when every promise was kept. Run it when no worker runs any more. */
export async function violations(
  client: Client,
  lines: readonly HistoryLine[],
  expected: Expected,
): Promise<string[]> {
  const found = startsTwice(lines).concat(startsAfterCancel(lines, expected));
  for (const [rule, text] of RULES) {
    const { rows } = await client.query<{ said: string }>(
      text,
      text.includes('$1') ? [expected.acked] : [],
    );
    found.push(...rows.map(({ said }) => `${rule}: ${said}`));
  }
  const claims = await client.query<{ key: string }>(
    `select job_id || ' ' || token as key from public.audit where what = 'claim'`,
  );
  const claimed = new Set(claims.rows.map(({ key }) => key));
  for (const { event, job, token } of lines)
    if (event === 'start' && !claimed.has(`${job} ${token}`))
      found.push(`start without a claim: ${job} token ${token}`);
  return found;
}

const DONE = `done as (select id, type, state, token, done_token, result from unstuck.finished)`;

/** Each returns one row for each violation. */
const RULES: readonly (readonly [string, string])[] = [
  [
    'lost',
    `select a.id::text as said from unnest($1::uuid[]) as a (id)
    where not exists (select from unstuck.finished f where f.id = a.id) and not exists (select from unstuck.jobs j where j.id = a.id)`,
  ],
  ['not finished', `select id || ' ' || type as said from unstuck.jobs`],
  [
    'finished twice',
    `select id::text as said from unstuck.finished group by id having count(*) > 1`,
  ],
  [
    'finished and live',
    `select f.id::text as said from unstuck.finished f join unstuck.jobs j on j.id = f.id`,
  ],
  // A repeated enqueue is stored and taken out again in one transaction: that is no end.
  [
    'ended twice',
    `select e.job_id::text as said from public.audit e where e.what = 'end'
    and not exists (select from public.audit i where i.job_id = e.job_id and i.what = 'insert' and i.xid = e.xid)
    group by e.job_id having count(*) > 1`,
  ],
  [
    'token did not rise',
    `select job_id || ' ' || before || ' to ' || token as said from (
    select job_id, token, lag(token) over (partition by job_id order by seq) as before from public.audit where what = 'claim') c
    where token <= before`,
  ],
  [
    'ended by an attempt that was not the last',
    `with ${DONE} select d.id || ' ' || d.type || ' token ' || d.token || ' result ' || d.result as said
    from done d where d.state = 'completed' and (d.done_token is distinct from d.token or d.result ->> 'token' is distinct from d.token::text
      or d.token <> (select max(a.token) from public.audit a where a.job_id = d.id and a.what = 'claim'))`,
  ],
  [
    'effect not exactly once',
    `with ${DONE} select d.id || ' ' || d.state || ': ' || count(e.job_id) as said from done d
    left join public.effects e on e.job_id = d.id where d.type in ('effect', 'zombie') group by d.id, d.state
    having count(e.job_id) <> case when d.state = 'completed' then 1 else 0 end`,
  ],
  [
    'effect of another attempt',
    `with ${DONE} select e.job_id || ' effect ' || e.token || ' end ' || d.token as said
    from public.effects e join done d on d.id = e.job_id where e.token <> d.token`,
  ],
  [
    'effect of a job that has not ended',
    `select e.job_id::text as said from public.effects e
    where not exists (select from unstuck.finished f where f.id = e.job_id)`,
  ],
  [
    'an accepted end was called late',
    `select a.job_id || ' token ' || a.token as said from unstuck.attempts a
    join unstuck.finished f on f.id = a.job_id and f.done_token = a.token where a.outcome = 'stale'`,
  ],
  [
    'state contradicts its columns',
    `select id::text as said from unstuck.jobs
    where waits_for is null and worker_id is null and claim_by is null`,
  ],
];

function startsTwice(lines: readonly HistoryLine[]): string[] {
  const seen = new Set<string>();
  return lines.flatMap(({ event, job, token }) => {
    if (event !== 'start') return [];
    const key = `${job} token ${token}`;
    if (seen.has(key)) return [`started twice: ${key}`];
    seen.add(key);
    return [];
  });
}

function startsAfterCancel(lines: readonly HistoryLine[], expected: Expected): string[] {
  const { cancelledAt, twoBeatsMs = 0 } = expected;
  return lines.flatMap(({ event, job, at }) => {
    const cancelled = cancelledAt?.get(job);
    return event === 'start' && cancelled !== undefined && at > cancelled + twoBeatsMs
      ? [`started ${Math.round(at - cancelled)} ms after its cancel: ${job}`]
      : [];
  });
}

/** Figures of a run, for people. */
export async function figures(client: Client, lines: readonly HistoryLine[]): Promise<string> {
  const { rows } = await client.query<{ said: string }>(`
    select concat_ws(', ', (select string_agg(n || ' ' || state, ' + ' order by state) from (
        select state, count(*) as n from unstuck.finished group by state) s),
      (select string_agg(n || ' ' || outcome, ' + ' order by outcome) from (
        select outcome, count(*) as n from unstuck.attempts group by outcome) o),
      (select count(*) from public.effects) || ' effects',
      (select count(*) from unstuck.finished where reason = 'poison') || ' poison') as said`);
  const starts = lines.filter(({ event }) => event === 'start');
  const again = starts.length - new Set(starts.map(({ job }) => job)).size;
  return `${rows[0]?.said ?? ''}, ${starts.length} starts of which ${again} again`;
}
