// The laws of partitions: there before they are needed, gone when their time is over, and never in the way of a settle.
import type pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/domain/options.ts';
import { DAILY_TABLES } from '../../src/sql/partitions.ts';
import { Database } from '../../src/storage/database.ts';
import { DAYS_AHEAD, makePartitions, retain } from '../../src/storage/partitions.ts';
import { eventually, job, type Setup, setup } from '../support/unstuck.ts';

const mail = job('mail', () => 'done');

const partitions = async (query: Setup['query'], table = '%'): Promise<string[]> =>
  (
    await query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
        where p.relnamespace = 'unstuck'::regnamespace and c.relkind = 'r' and p.relname like $1 and not i.inhdetachpending order by 1`,
      [table],
    )
  ).map((row) => row.name);

const today = async (query: Setup['query'], plus = 0): Promise<string> =>
  (
    await query<{ day: string }>(
      `select to_char(unstuck.clock() at time zone 'utc' + $1::integer * interval '1 day', 'YYYYMMDD') as day`,
      [plus],
    )
  )[0]?.day ?? '';

/** Runs one job to its end in this process. */
async function complete({ unstuck }: Setup): Promise<string> {
  const { id } = await unstuck.enqueue(mail, 1);
  await unstuck.wait(id, { timeout: '20s' });
  return id;
}

test('J12: every table has its days from yesterday to a week ahead, and the next one in time', async () => {
  const { query, database, moveClock } = await setup();
  for (const table of DAILY_TABLES) {
    const found = await partitions(query, table);
    expect(found).toHaveLength(DAYS_AHEAD + 2);
    expect(found.at(0)).toBe(`${table}_${await today(query, -1)}`);
    expect(found.at(-1)).toBe(`${table}_${await today(query, DAYS_AHEAD)}`);
  }
  await moveClock('1 day');
  expect(await makePartitions(database())).toHaveLength(DAILY_TABLES.length);
  expect(await makePartitions(database())).toEqual([]);
});

test('J12: the settler that meets no partition makes it and repeats', async () => {
  const all = await setup({ sweep: false });
  await all.unstuck.work([mail]);
  for (const table of await partitions(all.query, 'finished_completed'))
    await all.query(`drop table unstuck.${table}`);
  const id = await complete(all);
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'completed', attempt: 1, token: '1' });
});

test('J12: a clock that runs past the days that were made stops nothing', async () => {
  const all = await setup();
  await all.unstuck.work([mail]);
  await all.moveClock('40 days');
  const id = await complete(all);
  expect((await all.unstuck.get(id))?.state).toBe('completed');
});

test('O2: retention drops whole days of finished jobs when they are over, each state in its time, and no live job', async () => {
  const all = await setup({ sweep: false });
  const { unstuck, query, moveClock, database } = all;
  await unstuck.work([mail]);
  const completed = await complete(all);
  const cancelled = await unstuck.enqueue('other', 1);
  await unstuck.cancel(cancelled.id);
  const live = await unstuck.enqueue('other', 2);
  await moveClock('7 days');
  await retain(database());
  expect(await unstuck.get(completed)).toBeDefined();
  await moveClock('9 days');
  const { dropped } = await retain(database());
  expect(dropped).toContain(`finished_completed_${await today(query, -9)}`);
  expect(dropped.filter((name) => /^(finished_failed|attempts|events)/.test(name))).toEqual([]);
  expect(await unstuck.get(completed)).toBeUndefined();
  expect(await unstuck.get(cancelled.id)).toBeUndefined();
  expect((await unstuck.get(live.id))?.state).toBe('queued');
  expect((await unstuck.history(cancelled.id)).map((entry) => entry.kind)).toEqual(['cancelled']);
  await moveClock('33 days');
  await retain(database());
  expect(await unstuck.history(cancelled.id)).toEqual([]);
  expect((await unstuck.get(live.id))?.state).toBe('queued');
});

test('an open reader of finished jobs delays the retention, and blocks no settle', async () => {
  const all = await setup({ sweep: false });
  const { query, session, database, moveClock, unstuck } = all;
  await unstuck.work([mail]);
  await complete(all);
  const reader = await session();
  await reader.query('begin isolation level repeatable read');
  await reader.query('select count(*) from unstuck.finished');
  await moveClock('9 days');
  const gone = `finished_completed_${await today(query, -9)}`;
  const retaining = retain(database()).catch(() => undefined);
  for (let n = 0; n < 5; n += 1) {
    const from = performance.now();
    await complete(all);
    expect(performance.now() - from).toBeLessThan(5_000);
  }
  await retaining;
  await reader.query('commit');
  await eventually(async () => {
    await retain(database()).catch(() => undefined);
    return (await query('select where to_regclass($1) is null', [`unstuck.${gone}`])).length === 1;
  }, 'dropped after all');
});

test('a detach that was interrupted is completed', async () => {
  const { query, session, database, moveClock } = await setup({ sweep: false });
  const old = `finished_completed_${await today(query, -1)}`;
  const reader = await session();
  await reader.query('begin');
  await reader.query('select count(*) from unstuck.finished');
  const broken = await session();
  await broken.query(`set lock_timeout = '200ms'`);
  await expect(
    broken.query(
      `alter table unstuck.finished_completed detach partition unstuck.${old} concurrently`,
    ),
  ).rejects.toMatchObject({ code: '55P03' });
  expect(await query('select from pg_inherits where inhdetachpending')).toHaveLength(1);
  await reader.query('commit');
  await moveClock('1 day');
  expect((await retain(database())).dropped).toContain(old);
  expect(await query('select from pg_inherits where inhdetachpending')).toHaveLength(0);
  expect(await query('select where to_regclass($1) is null', [`unstuck.${old}`])).toHaveLength(1);
});

test('a table that was made and not attached heals, one that was detached and not dropped goes', async () => {
  const { query, database, moveClock } = await setup({ sweep: false });
  const next = await today(query, DAYS_AHEAD + 1);
  await query(
    `create table unstuck.events_${next} (like unstuck.events including defaults including constraints)`,
  );
  await moveClock('1 day');
  await makePartitions(database());
  expect(await partitions(query, 'events')).toContain(`events_${next}`);
  await query(`create table unstuck.finished_completed_20200101 (like unstuck.finished)`);
  expect((await retain(database())).dropped).toContain('finished_completed_20200101');
});

test("processes that make partitions at once do not get in each other's way", async () => {
  const { query, database, moveClock } = await setup({ sweep: false });
  await moveClock('3 days');
  const made = await Promise.all(Array.from({ length: 4 }, () => makePartitions(database())));
  expect(made.flat()).toHaveLength(new Set(made.flat()).size);
  expect(await partitions(query, 'finished_failed')).toContain(
    `finished_failed_${await today(query, DAYS_AHEAD)}`,
  );
});

test('behind a transaction pooler no setting and no lock stays in a session that others use', async () => {
  const { url, query, session, moveClock } = await setup({ sweep: false });
  const sessions = [await session(), await session()] as const;
  const database = new Database(url, parseConfig({}, {}), true, () => undefined);
  onTestFinished(() => database.close());
  database.withClient = (work) => work(pooled(sessions));
  const gone = `finished_completed_${await today(query)}`;
  await moveClock('9 days');
  const { made, dropped } = await retain(database);
  expect(made).toContain(`events_${await today(query, DAYS_AHEAD)}`);
  expect(dropped).toContain(gone);
  for (const one of sessions)
    expect((await one.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '0' }]);
  expect(
    await query(`select from pg_locks where locktype = 'advisory' and pid = any($1)`, [
      await pids(sessions),
    ]),
  ).toEqual([]);
});

test('processes that end partitions at once drop each of them, and none of them fails', async () => {
  const { query, database, moveClock } = await setup({ sweep: false });
  const gone = `finished_completed_${await today(query)}`;
  await moveClock('9 days');
  const done = await Promise.all(Array.from({ length: 3 }, () => retain(database())));
  expect(done.flatMap((one) => one.dropped)).toContain(gone);
  await retain(database());
  expect(await query('select where to_regclass($1) is null', [`unstuck.${gone}`])).toHaveLength(1);
});

/** Two sessions that take turns, as those behind a transaction pooler: a transaction stays on one of them. */
function pooled(sessions: readonly [pg.Client, pg.Client]): pg.Client {
  let turn = 0;
  let open = false;
  const facade = {
    query: (asked: string | { text: string; values: unknown[] }) => {
      const text = typeof asked === 'string' ? asked : asked.text;
      if (!open) turn += 1;
      if (text.startsWith('begin')) open = true;
      if (text === 'commit' || text === 'rollback') open = false;
      return (sessions[turn % 2] as pg.Client).query(asked);
    },
  };
  return facade as unknown as pg.Client;
}

async function pids(sessions: readonly pg.Client[]): Promise<number[]> {
  const asked = sessions.map((one) => one.query<{ pid: number }>('select pg_backend_pid() as pid'));
  return (await Promise.all(asked)).map(({ rows }) => rows[0]?.pid ?? 0);
}
