/** The functions by which jobs with links are stored: each statement in them sees what the locks before it let through. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 6: `store_jobs()`, the trigger that guards the gates, and `enqueue()` with a pool. */
export function admission(t: Names): readonly Sql[] {
  return [
    guard(t),
    takePools(t),
    openWindow(t),
    replaceInput(t),
    slotsAbove(t),
    storeJobs(t),
    enqueue(t),
  ];
}

/** A row inserted by hand must not claim to have passed a gate: that is decided under the lock of its pool or limit. */
const guard = (t: Names): Sql => sql`
  create function ${t.schema}.refuse_passed() returns trigger language plpgsql as $$
  begin
    if current_setting('unstuck.admission', true) is distinct from 'on' then
      raise exception 'a job that is inserted stands before the gates slot and limit: leave waits_for, wake_at, slot_pool to their defaults'
        using errcode = '23514', constraint = 'jobs_admission';
    end if;
    return new;
  end $$;
  create trigger jobs_admission before insert on ${t.jobs} for each row
    when (new.slot_pool is not null or (new.limit_key is not null and new.waits_for is null)) execute function ${t.schema}.refuse_passed()`;

/** Planned once, without statistics: nothing here may depend on them. */
export const PLANS: Sql = sql`set enable_seqscan = off set enable_bitmapscan = off`;

const GIVEN: Sql = sql`jsonb_to_recordset(given) as g (place integer, id uuid, type text, input jsonb, rank integer, hold boolean, run_at timestamptz,
        delay_ms bigint, finish_by timestamptz, claim_within_ms bigint, attempts_max integer, key text, tags text[], pool text, when_full text,
        limit_key text, key_mode text, key_window_ms bigint, ordinal integer, trace jsonb, notify jsonb)`;

/**
 * Locks pools in the order of their keys by an update, and counts in a later statement how many slots are free: counted in the same one, or locked
 * with `for update` under REPEATABLE READ, one slot had two holders (L2). Who waits already goes first.
 */
const takePools = (t: Names): Sql => sql`
  create function ${t.schema}.take_pools(keys text[]) returns jsonb language plpgsql volatile ${PLANS} as $$
  declare k text; room integer; rooms jsonb := '{}';
  begin
    foreach k in array keys loop
      update ${t.pools} p set version = p.version + 1 where p.key = k;
    end loop;
    foreach k in array keys loop
      select case when exists (select from ${t.jobs} j where j.wants_pool = k and j.waits_for = 'slot') then 0
          else p.capacity - (select count(*) from (select from ${t.jobs} j where j.slot_pool = k limit p.capacity) c) end
        into room from ${t.pools} p where p.key = k;
      if found then rooms := rooms || jsonb_build_object(k, room); end if;
    end loop;
    return rooms;
  end $$`;

/** Opens the window of a key for a job that was just stored; answers with the job that opened it before, while that window is open. */
const openWindow = (t: Names): Sql => sql`
  create function ${t.schema}.open_window(wanted text, ms bigint, made uuid) returns text language plpgsql volatile as $$
  declare opener text;
  begin
    insert into ${t.keyWindows} as w (key, until, job_id) values (wanted, ${t.now} + ms * interval '1 ms', made)
      on conflict (key) do update set until = excluded.until, job_id = excluded.job_id where w.until <= ${t.now};
    if found then return null; end if;
    select w.job_id::text into opener from ${t.keyWindows} w where w.key = wanted;
    return opener;
  end $$`;

/** Gives the live job of a key another input; not one that runs, is of another type, or counts at another pool or limit than that input asks for. */
const replaceInput = (t: Names): Sql => sql`
  create function ${t.schema}.replace_input(wanted text, kind text, given jsonb, ranked integer, pool text, counts_at text, but uuid, told jsonb)
  returns uuid language plpgsql volatile ${PLANS} as $$
  declare changed uuid;
  begin
    update ${t.jobs} j set input = given, rank = coalesce(ranked, 0), notify = coalesce(told, j.notify), updated_at = ${t.now}
      where j.unique_key = wanted and j.id <> but and j.type = kind and j.worker_id is null
        and j.wants_pool is not distinct from pool and j.limit_key is not distinct from counts_at
      returning j.id into changed;
    return changed;
  end $$`;

/** The pools of which a job or one of its ancestors holds a slot. */
const slotsAbove = (t: Names): Sql => sql`
  create function ${t.schema}.slots_above(child uuid) returns text[] language plpgsql stable ${PLANS} as $$
  begin
    return array(
      with recursive ancestors (parent_id, slot_pool) as (
        select j.parent_id, j.slot_pool from ${t.jobs} j where j.id = child
        union
        select p.parent_id, p.slot_pool from ancestors a join ${t.jobs} p on p.id = a.parent_id
      )
      select a.slot_pool from ancestors a where a.slot_pool is not null);
  end $$`;

/**
 * Stores jobs with a pool, a limit, a parent or a special key; answers for each. Jobs take their keys in order, or two calls would deadlock; among
 * equals the order given. Children are stored under the token of their parent; for a slot that one of their ancestors holds they do not ask, or each
 * would wait for the other.
 */
const storeJobs = (t: Names): Sql => sql`
  create function ${t.schema}.store_jobs(given jsonb, claim_within bigint, attempts integer, parent uuid, worker uuid, fence bigint)
  returns table (id uuid, answer text, other text) language plpgsql volatile ${PLANS} as $$
  #variable_conflict use_column
  declare
    g record; y record; inherited text[] := '{}'; rooms jsonb; wants text; slot text; gate text; due timestamptz;
    within interval; made uuid; seqs bigint[];
  begin
    if parent is not null then
      perform from ${t.jobs} j where j.id = parent and j.lane = 0 and j.worker_id = worker and j.token = fence for update;
      if not found then
        return query select null::uuid, 'stale', null::text; return;
      end if;
      inherited := ${t.schema}.slots_above(parent);
    end if;
    perform set_config('unstuck.admission', 'on', true);
    rooms := ${t.schema}.take_pools(array(select distinct x ->> 'pool' from jsonb_array_elements(given) x
      where x ->> 'pool' is not null and not x ->> 'pool' = any(inherited) order by 1));
    seqs := array(select nextval('${t.schema}.jobs_seq_seq') from jsonb_array_elements(given));
    for g in select g.*, coalesce(g.input, 'null') as payload from -- The JSON value null has become no value at all.
       ${GIVEN} order by g.key nulls last, g.place loop
      id := g.id; answer := null; other := null;
      wants := case when not g.pool = any(inherited) then g.pool end;
      if wants is not null and not rooms ? wants then
        answer := 'pool-unknown'; other := wants; return next; continue;
      end if;
      if g.limit_key !~ '^(type|queue):' and not exists (select from ${t.limits} l where l.name = split_part(g.limit_key, '#', 1)) then
        answer := 'limit-unknown'; other := split_part(g.limit_key, '#', 1); return next; continue;
      end if;
      if parent is not null and exists (select from ${t.executions} e where e.parent_id = parent and e.ordinal = g.ordinal) then answer := 'ended'; return next; continue; end if;
      slot := case when not coalesce(g.hold, false) and (rooms ->> wants)::integer > 0 then wants end;
      if wants is not null and slot is null and not coalesce(g.hold, false) and g.when_full is distinct from 'wait' then
        made := case when g.key_mode = 'replace' -- The job that has the key may be the very one that holds the slot.
          then ${t.schema}.replace_input(g.key, g.type, g.payload, g.rank, wants, g.limit_key, g.id, g.notify) end;
        answer := case when made is not null then 'replaced'
          when exists (select from ${t.jobs} j where j.id = g.id) or exists (select from ${t.jobs} j where j.unique_key = g.key) then 'taken'
          else 'slots-exhausted' end;
        other := coalesce(made::text, wants); return next; continue;
      end if;
      due := coalesce(g.run_at, ${t.now} + g.delay_ms * interval '1 ms');
      gate := case when g.hold then 'hold' when wants is not null and slot is null then 'slot' when due > ${t.now} then 'time'
        when g.limit_key is not null then 'limit' end;
      select coalesce(g.claim_within_ms, (select s.claim_within_ms from ${t.jobTypes} s where s.type = g.type), claim_within) as claim_within_ms,
        coalesce(g.attempts_max, (select s.attempts_max from ${t.jobTypes} s where s.type = g.type), attempts) as attempts_max into y;
      within := y.claim_within_ms * interval '1 ms';
      insert into ${t.jobs} (id, seq, type, rank, input, waits_for, wake_at, claim_by, run_at, finish_by, claim_within_ms, attempts_max, unique_key,
          tags, wants_pool, slot_pool, limit_key, parent_id, ordinal, trace, notify)
        values (g.id, seqs[g.place], g.type, coalesce(g.rank, 0), g.payload, gate,
          case when gate = 'hold' then ${t.now} + interval '1 day' when gate = 'time' then due when gate is not null then ${t.now} + within end,
          case when gate is null then ${t.now} + within end, due, g.finish_by, y.claim_within_ms, y.attempts_max, g.key,
          coalesce(g.tags, '{}'), wants, slot, g.limit_key, parent, case when parent is not null then g.ordinal end, g.trace, g.notify)
        on conflict do nothing returning id into made;
      if made is null then
        made := case when g.key_mode = 'replace'
          then ${t.schema}.replace_input(g.key, g.type, g.payload, g.rank, wants, g.limit_key, g.id, g.notify) end;
        answer := case when made is null then 'taken' else 'replaced' end;
        other := made::text; return next; continue;
      end if;
      if g.key_window_ms is not null then
        other := ${t.schema}.open_window(g.key, g.key_window_ms, made);
        if other is not null then
          delete from ${t.jobs} j where j.id = made;
          answer := 'key-window'; return next; continue;
        end if;
      end if;
      if slot is not null then rooms := jsonb_set(rooms, array[slot], to_jsonb((rooms ->> slot)::integer - 1)); end if;
      answer := 'created'; other := gate; return next;
    end loop;
    perform set_config('unstuck.admission', 'off', true);
  end $$`;

/** As before, with a pool (the sweep admits it like any row inserted by hand), whom to tell, and a traceparent; one that is none is left out, as W3C asks. */
const enqueue = (t: Names): Sql => sql`
  drop function ${t.schema}.enqueue(text, jsonb, integer, timestamptz, timestamptz, text, text[]);
  create function ${t.schema}.enqueue(type text, input jsonb default '{}', priority integer default 0,
    run_at timestamptz default null, finish_by timestamptz default null, key text default null, tags text[] default '{}', pool text default null,
    traceparent text default null, notify jsonb default null)
  returns uuid language plpgsql volatile as $$
  declare made uuid;
  begin
    if enqueue.pool is not null and not exists (select from ${t.pools} p where p.key = enqueue.pool) then
      raise exception 'unstuck.enqueue: there is no pool %. Set its capacity first.', enqueue.pool using errcode = '23503';
    end if;
    for round in 1 .. 100 loop
      insert into ${t.jobs} (type, input, rank, run_at, finish_by, unique_key, tags, wants_pool, trace, notify)
        values (enqueue.type, enqueue.input, -enqueue.priority, enqueue.run_at, enqueue.finish_by, enqueue.key, enqueue.tags, enqueue.pool,
          case when enqueue.traceparent ~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
            then jsonb_build_object('traceparent', enqueue.traceparent) end, enqueue.notify)
        on conflict do nothing returning jobs.id into made;
      if made is not null then return made; end if;
      select j.id into made from ${t.jobs} j where j.unique_key = enqueue.key;
      if made is not null then return made; end if;
    end loop;
    raise exception 'unstuck.enqueue: the key % is taken and freed again all the time', enqueue.key using errcode = '40001';
  end $$`;
