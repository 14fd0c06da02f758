/** The functions that let jobs on: each statement in them sees what the lock before it let through. */
import { afterTime, STANDING, standing } from '../gates.ts';
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';
import { PLANS } from './006-admission.ts';

/** Migration 7: `go_on()` and what it is made of. */
export function lettingOn(t: Names): readonly Sql[] {
  return [
    nextAtSlot(t),
    nextAtLimit(t),
    wakeParents(t),
    letIntoPool(t),
    letIntoLimit(t),
    servedTypes(t),
    goOn(t),
  ];
}

/** The first job that waits for a slot of a pool: by priority, then age; or the oldest whatever its priority. */
const nextAtSlot = (t: Names): Sql => sql`
  create function ${t.schema}.next_at_slot(pool text, oldest boolean) returns uuid language plpgsql volatile ${PLANS} as $$
  declare found_id uuid;
  begin
    if oldest then
      with recursive ranks (rank) as (
        (select j.rank from ${t.jobs} j where j.wants_pool = pool and j.waits_for = 'slot' order by j.rank limit 1)
        union all
        select n.rank from ranks r cross join lateral (select j.rank from ${t.jobs} j
          where j.wants_pool = pool and j.waits_for = 'slot' and j.rank > r.rank order by j.rank limit 1) n
      )
      select h.id into found_id from ranks r cross join lateral (
        select j.id, j.seq from ${t.jobs} j where j.wants_pool = pool and j.waits_for = 'slot' and j.rank = r.rank
        order by j.seq limit 1 for update skip locked) h
      order by h.seq limit 1;
      return found_id;
    end if;
    select j.id into found_id from ${t.jobs} j where j.wants_pool = pool and j.waits_for = 'slot'
      order by j.rank, j.seq limit 1 for update skip locked;
    return found_id;
  end $$`;

/** The first job that waits at the key of a limit, of these types (null: of any): by priority, then age; or the oldest. */
const nextAtLimit = (t: Names): Sql => sql`
  create function ${t.schema}.next_at_limit(k text, oldest boolean, types text[]) returns uuid language plpgsql volatile ${PLANS} as $$
  declare found_id uuid;
  begin
    if oldest then
      with recursive ranks (rank) as (
        (select j.rank from ${t.jobs} j where j.limit_key = k and j.waits_for = 'limit' order by j.rank limit 1)
        union all
        select n.rank from ranks r cross join lateral (select j.rank from ${t.jobs} j
          where j.limit_key = k and j.waits_for = 'limit' and j.rank > r.rank order by j.rank limit 1) n
      )
      select h.id into found_id from ranks r cross join lateral (
        select j.id, j.seq from ${t.jobs} j
        where j.limit_key = k and j.waits_for = 'limit' and j.rank = r.rank and (types is null or j.type = any(types))
        order by j.seq limit 1 for update skip locked) h
      order by h.seq limit 1;
    end if;
    if found_id is null then
      select j.id into found_id from ${t.jobs} j
        where j.limit_key = k and j.waits_for = 'limit' and (types is null or j.type = any(types))
        order by j.rank, j.seq limit 1 for update skip locked;
    end if;
    return found_id;
  end $$`;

/**
 * Parents without a live child go on. Their rows are locked before that is asked: of two whose last children end at once the later sees that both
 * have (M5).
 */
const wakeParents = (t: Names): Sql => sql`
  create function ${t.schema}.wake_parents(parents uuid[]) returns table (type text, limit_key text) language plpgsql volatile ${PLANS} as $$
  #variable_conflict use_column
  begin
    return query
      with asleep as materialized (
        select w.id from ${t.jobs} w where w.id = any(parents) and w.waits_for = 'executions' order by w.id for update
      )
      update ${t.jobs} j set ${STANDING} = ${standing(t, afterTime, sql`null`)}, seq = nextval('${t.schema}.jobs_seq_seq'), updated_at = ${t.now}
      from asleep a where j.id = a.id and not exists (select from ${t.jobs} c where c.parent_id = a.id)
      returning j.type::text, j.limit_key::text;
  end $$`;

/** Gives the free slots of a pool to those that wait for one; null when somebody has locked the pool: an open transaction must not hold up the others. */
const letIntoPool = (t: Names): Sql => sql`
  create function ${t.schema}.let_into_pool(k text) returns jsonb language plpgsql volatile ${PLANS} as $$
  declare p record; moved record; used integer; lets bigint; one uuid; ready jsonb := '[]'; reached jsonb := '[]';
  begin
    select o.capacity, o.let_in into p from ${t.pools} o where o.key = k for update skip locked;
    if not found then return null; end if;
    update ${t.pools} o set version = o.version + 1 where o.key = k; -- A transaction that counts in an older snapshot must fail.
    select count(*) into used from (select from ${t.jobs} h where h.slot_pool = k limit p.capacity) c;
    lets := p.let_in;
    while used < p.capacity and lets < p.let_in + 1000 loop
      one := ${t.schema}.next_at_slot(k, lets % 10 = 9);
      exit when one is null;
      update ${t.jobs} j set slot_pool = k,
        ${STANDING} = ${standing(t, sql`case when j.run_at > ${t.now} then 'time' else ${afterTime} end`, sql`j.run_at`)},
        seq = nextval('${t.schema}.jobs_seq_seq'), updated_at = ${t.now}
      where j.id = one returning j.type, j.waits_for, j.limit_key into moved;
      if moved.waits_for is null then ready := ready || to_jsonb(moved.type); end if;
      if moved.waits_for = 'limit' then reached := reached || to_jsonb(moved.limit_key); end if;
      used := used + 1;
      lets := lets + 1;
    end loop;
    update ${t.pools} o set let_in = lets where o.key = k and o.let_in < lets;
    return jsonb_build_array(ready, reached);
  end $$`;

/**
 * Lets those in that wait at the key of a limit, as far as there is room: of types that somebody handles now (`served`), else of any. A job in the
 * queue that nobody can run gives its place to one that can be run. A rate counts what was let in within its time and what still waits in the queue.
 */
const letIntoLimit = (t: Names): Sql => sql`
  create function ${t.schema}.let_into_limit(k text, served text[]) returns text[] language plpgsql volatile ${PLANS} as $$
  declare
    l record; used integer; room integer; lets bigint; starts timestamptz[]; types text[] := served; one uuid; moved text; ready text[] := '{}';
  begin
    insert into ${t.limitKeys} (key, used_at) values (k, ${t.now}) on conflict do nothing;
    perform from ${t.limitKeys} o where o.key = k for update;
    if not found then return ready; end if; -- Forgotten in between, as unused: the sweep comes again.
    -- The amounts as they are now, not as they were before the wait for the lock.
    select o.let_in, m.running, m.rate_count, array(select s from unnest(o.started) s
        -- What lies further ahead than that was noted before the clock was put back.
        where s > ${t.now} - m.rate_ms * interval '1 ms' and s < ${t.now} + m.rate_ms * interval '1 ms') as started
      into l from ${t.limitKeys} o left join ${t.limits} m on m.name = split_part(k, '#', 1) where o.key = k;
    select count(*) into used from (select from ${t.jobs} h where h.limit_key = k and h.waits_for is null limit coalesce(l.running, 0)) c;
    room := least(coalesce(l.running, 1000) - used, 1000);
    if room <= 0 then
      update ${t.jobs} j set ${STANDING} = ${standing(t, sql`'limit'`, sql`null`)}, seq = nextval('${t.schema}.jobs_seq_seq'), updated_at = ${t.now}
      where j.id = (select h.id from ${t.jobs} h where h.limit_key = k and h.waits_for is null and h.worker_id is null and not h.type = any(served)
          limit 1 for update skip locked)
        and exists (select from ${t.jobs} w where w.limit_key = k and w.waits_for = 'limit' and w.type = any(served));
      if found then room := room + 1; end if;
    end if;
    if l.rate_count is not null then
      select count(*) into used from (select from ${t.jobs} h
        where h.limit_key = k and h.waits_for is null and h.worker_id is null limit l.rate_count) c;
      room := least(room, l.rate_count - cardinality(l.started), l.rate_count - used);
    end if;
    lets := l.let_in;
    starts := l.started;
    while room > 0 loop
      one := ${t.schema}.next_at_limit(k, lets % 10 = 9, types);
      if one is null then
        exit when types is null;
        types := null; -- Those that nobody handles now, where there is room beside the others.
        continue;
      end if;
      update ${t.jobs} j set ${STANDING} = ${standing(t, sql`null::text`, sql`null`)}, seq = nextval('${t.schema}.jobs_seq_seq'), updated_at = ${t.now}
      where j.id = one returning j.type into moved;
      ready := ready || moved;
      if l.rate_count is not null then starts := starts || ${t.now}; end if;
      room := room - 1;
      lets := lets + 1;
    end loop;
    update ${t.limitKeys} o set let_in = lets, started = starts, used_at = ${t.now} where o.key = k and o.let_in < lets;
    return ready;
  end $$`;

/** Types that a live worker handles and that are not paused. */
const servedTypes = (t: Names): Sql => sql`
  create function ${t.schema}.served_types() returns text[] language sql stable as $$
    select array(select distinct u.type from ${t.workers} w cross join lateral unnest(w.types) as u (type)
      left join ${t.jobTypes} y on y.type = u.type
      where w.state = 'live' and w.lease_until > ${t.now} and not exists (select from ${t.pauses} z
        where (z.kind, z.name) in (('type', u.type), ('queue', y.queue)) and (z.until is null or z.until > ${t.now})))
  $$`;

/**
 * Lets on whoever waited for jobs that have ended or given up their place: parents, then those that wait for a slot of these pools, then those that
 * wait at these keys of limits and those that have just come there. Called after that end has committed. One in ten goes to the oldest, so
 * that a low priority waits a bounded time (B11). Answers with types that became ready, and pools that somebody has locked.
 */
const goOn = (t: Names): Sql => sql`
  create function ${t.schema}.go_on(parents uuid[], pools text[], keys text[], told boolean)
  returns table (kind text, name text) language plpgsql volatile ${PLANS} as $$
  #variable_conflict use_column
  declare k text; woken record; moved jsonb; served text[]; reached text[] := keys; ready text[] := '{}'; busy text[] := '{}';
  begin
    for woken in select w.type, w.limit_key from ${t.schema}.wake_parents(parents) w loop
      if woken.limit_key is null then ready := ready || woken.type; else reached := reached || woken.limit_key; end if;
    end loop;
    foreach k in array array(select distinct x from unnest(pools) x where x is not null order by 1) loop
      continue when not exists (select from ${t.jobs} w where w.wants_pool = k and w.waits_for = 'slot');
      moved := ${t.schema}.let_into_pool(k);
      if moved is null then
        busy := busy || k;
      else
        ready := ready || array(select jsonb_array_elements_text(moved -> 0));
        reached := reached || array(select jsonb_array_elements_text(moved -> 1));
      end if;
    end loop;
    foreach k in array array(select distinct x from unnest(reached) x where x is not null order by 1) loop
      continue when not exists (select from ${t.jobs} w where w.limit_key = k and w.waits_for = 'limit');
      served := coalesce(served, ${t.schema}.served_types());
      ready := ready || ${t.schema}.let_into_limit(k, served);
    end loop;
    if told and ready <> '{}' then
      select 'ready:' || string_agg(distinct x, ',') into k from unnest(ready) x;
      perform pg_notify(${t.literal}, case when length(k) < 2000 then k else 'ready:*' end);
    end if;
    return query select distinct 'ready', x from unnest(ready) x union all select 'busy', x from unnest(busy) x;
  end $$`;
