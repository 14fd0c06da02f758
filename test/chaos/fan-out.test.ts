// M7: a process that is killed while it creates 2,000 executions, in the middle of any chunk: all of them exist once, and the parent ends once.
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import type { Crew } from './crew.ts';
import { fan } from './jobs.ts';
import { seeded } from './random.ts';
import { arena, until } from './setup.ts';

const SEED = Number(process.env['UNSTUCK_SEED'] ?? Date.now() % 1_000_000);
const EXECUTIONS = 2_000;
/** Whoever creates a certain execution has to wait for an advisory lock, in the middle of its transaction. */
const FAILPOINT = `
  create table public.failpoint (ordinal bigint primary key);
  create function public.hold_up() returns trigger language plpgsql as $$
  begin
    perform pg_advisory_xact_lock(f.ordinal) from public.failpoint f where f.ordinal = new.ordinal;
    return new;
  end $$;
  create trigger hold_up before insert on unstuck.jobs for each row when (new.ordinal is not null) execute function public.hold_up()`;

test('M7: executions are created once, although their creator is killed at any of them, and again', async () => {
  console.log(`fan-out: UNSTUCK_SEED=${SEED}`);
  const random = seeded(SEED);
  const { unstuck, client, crew: hire } = await arena();
  await client.query(FAILPOINT);
  const crew = await hire(2);
  for (const kills of [1, 2, 1, 2]) {
    const points = Array.from({ length: kills }, (_, n) =>
      random.between(n * 1_000, n * 1_000 + 999),
    );
    await holdUp(client, points[0]);
    const { id } = await unstuck.enqueue(fan, {});
    for (const [n, at] of points.entries())
      await killCreator(client, crew, {
        id,
        at,
        next: points[n + 1],
        isCommitted: random.between(0, 1) === 1,
      });
    const sum = (EXECUTIONS * (EXECUTIONS - 1)) / 2;
    expect(await unstuck.wait(id, { timeout: '60s' })).toMatchObject({
      state: 'completed',
      attempt: 1,
      crashes: kills,
      result: sum,
    });
    expect(await countOf(client, id)).toEqual({
      live: 0,
      ended: EXECUTIONS,
      ordinals: EXECUTIONS,
      noted: EXECUTIONS,
      ends: 1,
    });
  }
  await crew.drain();
}, 240_000);

/** Lets whoever creates this execution wait until `letGo`. */
async function holdUp(client: Client, ordinal: number | undefined): Promise<void> {
  if (ordinal === undefined) return;
  await client.query('select pg_advisory_lock($1)', [ordinal]);
  await client.query('insert into public.failpoint values ($1)', [ordinal]);
}

async function letGo(client: Client, ordinal: number): Promise<void> {
  await client.query('select pg_advisory_unlock($1)', [ordinal]);
}

/** Kills the process that creates an execution, before or after that chunk is committed, and starts another in its place. */
async function killCreator(
  client: Client,
  crew: Crew,
  on: { id: string; at: number; next: number | undefined; isCommitted: boolean },
): Promise<void> {
  const { id, at, next, isCommitted } = on;
  let backend = 0;
  await until(`execution ${at} is being created`, 30_000, async () => {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_locks where locktype = 'advisory' and classid = 0 and objid = $1 and not granted`,
      [at],
    );
    backend = rows[0]?.pid ?? 0;
    return backend !== 0;
  });
  const { rows } = await client.query<{ pid: number }>(
    'select w.pid from unstuck.jobs j join unstuck.workers w on w.id = j.worker_id where j.id = $1',
    [id],
  );
  await crew.withPid(rows[0]?.pid ?? 0).kill9();
  await client.query('delete from public.failpoint');
  await holdUp(client, next);
  // Its statement goes on in the server, and commits after the death of its process, unless somebody ends it.
  if (!isCommitted) await client.query('select pg_terminate_backend($1)', [backend]);
  await letGo(client, at);
  console.log(`killed at execution ${at}, ${isCommitted ? 'whose chunk was' : 'not'} committed`);
  await crew.add();
}

/** How many executions of a parent there are, and how often it has ended. */
async function countOf(client: Client, id: string): Promise<Record<string, number>> {
  const { rows } = await client.query<Record<string, number>>(
    `select (select count(*)::integer from unstuck.jobs where parent_id = $1) as live,
       (select count(*)::integer from unstuck.finished where parent_id = $1) as ended,
       (select count(distinct ordinal)::integer from unstuck.finished where parent_id = $1 and state = 'completed') as ordinals,
       (select count(*)::integer from unstuck.executions where parent_id = $1 and state = 'completed') as noted,
       (select count(*)::integer from public.audit where job_id = $1 and what = 'end') as ends`,
    [id],
  );
  return rows[0] ?? {};
}
