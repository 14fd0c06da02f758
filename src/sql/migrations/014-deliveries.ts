/** The outbox: what people and other systems are told, written in the transaction that makes it true. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 14: `deliveries`, and the trigger by which every way of ending a job tells whoever asked. */
export function deliveries(t: Names): readonly Sql[] {
  return [outbox(t), tellEnd(t)];
}

/** `leased_until`: a process is sending it; if that dies, `next_at`, which is the same then, lets another one send it again. `token` fences its answer. */
const outbox = (t: Names): Sql => sql`
  create table ${t.deliveries} (
    id uuid primary key default ${t.schema}.new_id(),
    purpose text collate "C" not null,
    channel text collate "C" not null,
    address text,
    payload jsonb not null,
    job_id uuid,
    state text collate "C" not null default 'pending',
    attempts integer not null default 0,
    token bigint not null default 0,
    next_at timestamptz default ${t.now},
    expires_at timestamptz not null default ${t.now} + interval '3 days',
    leased_until timestamptz,
    last_error jsonb,
    created_at timestamptz not null default ${t.now},
    delivered_at timestamptz,
    failed_at timestamptz,
    constraint deliveries_live_has_deadline check ((state = 'pending') = (next_at is not null)
      and (state = 'pending' or leased_until is null)),
    constraint deliveries_state check (state in ('pending', 'delivered', 'failed')
      and (state = 'delivered') = (delivered_at is not null) and (state = 'failed') = (failed_at is not null)),
    constraint deliveries_purpose check (purpose in ('notify', 'alert')
      and (purpose <> 'notify' or (job_id is not null and address is not null))),
    constraint deliveries_times_finite check (isfinite(next_at) and isfinite(expires_at) and isfinite(leased_until)),
    constraint deliveries_bounds check (length(channel) between 1 and 200 and length(address) between 1 and 12000 and attempts >= 0
      and token >= 0 and jsonb_typeof(payload) = 'object')
  ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  comment on constraint deliveries_live_has_deadline on ${t.deliveries} is
    'What is still to be told says when it is tried next and when it is given up: none can be stuck.';
  create index deliveries_due on ${t.deliveries} (next_at) where state = 'pending';
  create index deliveries_channel on ${t.deliveries} (purpose, channel, next_at) where state = 'pending';
  create index deliveries_job on ${t.deliveries} (job_id) where job_id is not null;
  create index deliveries_alerts on ${t.deliveries} (state, channel, coalesce(delivered_at, failed_at)) where purpose = 'alert' and state <> 'pending';
  create index deliveries_ended on ${t.deliveries} (coalesce(delivered_at, failed_at)) where state <> 'pending'`;

/** What is sent of a value of a user: the first 20,000 characters of its JSON when there is more. */
const CUT: Sql = sql`20000`;

/** A time as the API writes it. */
const written = (time: Sql): Sql =>
  sql`to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * One row for each address, in the transaction of the end, whatever ended the job. Who asks for nothing pays for the test of one column. A stack
 * is for whoever may look into the system, and not for whoever asked for the job.
 */
const tellEnd = (t: Names): Sql => sql`
  create function ${t.schema}.tell_end() returns trigger language plpgsql as $$
  declare
    result jsonb := new.result; error jsonb := new.error; cut boolean := false;
  begin
    if jsonb_typeof(error) = 'object' then error := error - 'stack'; end if;
    if length(result::text) > ${CUT} then result := to_jsonb(left(result::text, ${CUT})); cut := true; end if;
    if length(error::text) > ${CUT} then error := to_jsonb(left(error::text, ${CUT})); cut := true; end if;
    insert into ${t.deliveries} (purpose, channel, address, payload, job_id, expires_at)
    select 'notify', case when a ? 'webhook' then 'webhook' else 'email' end, coalesce(a ->> 'webhook', a ->> 'email'),
      jsonb_build_object('job_id', new.id, 'type', new.type, 'state', new.state, 'key', new.unique_key, 'result', result, 'error', error,
        'reason', new.reason, 'truncated', cut, 'attempt', new.attempt, 'created_at', ${written(sql`new.created_at`)},
        'started_at', ${written(sql`new.started_at`)}, 'finished_at', ${written(sql`new.finished_at`)}),
      new.id, ${t.now} + coalesce((a ->> 'for_ms')::numeric::bigint, 259200000) * interval '1 ms'
    from jsonb_path_query(new.notify, 'lax $[*]') a;
    return null;
  end $$;
  create trigger finished_tells after insert on ${t.finished} for each row
    when (new.notify is not null) execute function ${t.schema}.tell_end()`;
