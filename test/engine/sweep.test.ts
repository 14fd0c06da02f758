// The laws of the sweep: whatever is late moves, one bad row stops nothing, and no process is needed for it.
import { describe, expect, test } from 'vitest';
import { BatchSize } from '../../src/engine/batch-size.ts';
import { Sweeper } from '../../src/engine/sweeper.ts';
import { takeTickBlindly } from '../../src/sql/ticks.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

const nobody = { ready: () => undefined, notify: () => Promise.resolve() };

/** A sweep that runs only when its test says so. */
function sweeper({ database, unstuck }: Setup): Sweeper {
  return new Sweeper(database(), unstuck.log, nobody);
}

/** Refuses, as a trigger of a user might, to keep some jobs. */
async function refuseEnds(query: Setup['query'], condition: string): Promise<void> {
  await query(`create function refuse() returns trigger language plpgsql as
    $$ begin if ${condition} then raise exception 'not in my table' using errcode = 'P0001'; end if; return new; end $$`);
  await query(
    'create trigger refuse before insert on unstuck.finished for each row execute function refuse()',
  );
}

describe('E7: one bad row', () => {
  test('delays no other, and is quarantined after three equal errors', async () => {
    const all = await setup({ sweep: false });
    const { unstuck, query, moveClock } = all;
    await refuseEnds(query, `new.input = '42' and new.reason like 'not finished%'`);
    const finishBy = new Date(Date.now() + 60_000);
    const jobs = await unstuck.enqueueMany(
      't',
      Array.from({ length: 100 }, (_, input) => ({ input, finishBy })),
    );
    await moveClock('2 minutes');
    const sweep = sweeper(all);
    await sweep.sweepOnce();
    const left = await query<{ id: string }>('select id::text from unstuck.jobs');
    expect(left).toEqual([{ id: jobs[42]?.id }]);
    await sweep.sweepOnce();
    await sweep.sweepOnce();
    const bad = await unstuck.get(jobs[42]?.id ?? '');
    expect(bad).toMatchObject({ state: 'failed', error: { code: 'JOB_QUARANTINED' } });
    expect(bad?.error?.message).toContain('not in my table');
    expect((await unstuck.history(jobs[42]?.id ?? '')).map((entry) => entry.kind)).toEqual([
      'quarantined',
    ]);
  });

  test('that cannot even be quarantined stops neither its own task nor the later ones', async () => {
    const all = await setup({ sweep: false });
    const { unstuck, query, moveClock } = all;
    await refuseEnds(query, `new.input = '42'`);
    const sweep = sweeper(all);
    const finishBy = new Date(Date.now() + 60_000);
    await unstuck.enqueueMany('t', [{ input: 42, finishBy }]);
    await moveClock('2 minutes');
    for (let round = 0; round < 4; round += 1) await sweep.sweepOnce();
    // From here on the row fails in quarantine too, in every round.
    const expired = await unstuck.enqueueMany(
      't',
      Array.from({ length: 10 }, (_, input) => ({ input, finishBy })),
    );
    const [lost] = await query<{ id: string }>(
      `insert into unstuck.jobs (type, waits_for, wake_at, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms)
        values ('lost', null, null, gen_random_uuid(), 1, 1, now(), now() + interval '1 day', 5, 1000) returning id::text`,
    );
    await sweep.sweepOnce();
    for (const { id } of expired) expect((await unstuck.get(id))?.state).toBe('failed');
    expect(await unstuck.get(lost?.id ?? '')).toMatchObject({ state: 'queued', crashes: 1 });
    const [tick] = await query<{ ok: boolean }>(
      `select last_ok_at > unstuck.clock() - interval '1 minute' as ok from unstuck.ticks where name = 'sweep'`,
    );
    expect(tick?.ok).toBe(true);
  });
});

describe('E7: a look that fails', () => {
  test('keeps nothing from being done: the rounds try everything', async () => {
    const { unstuck, query, logged } = await setup({ sweepInterval: '50ms' });
    await query('alter table unstuck.pool_done rename to pool_done_lost');
    const { id } = await unstuck.enqueue('t', 1, { finishBy: new Date(Date.now() + 60_000) });
    await query(`update unstuck.jobs set finish_by = now() - interval '1 minute'`);
    await unstuck.work([job('other', () => undefined)]);
    await logged('sweep_look_failed');
    await eventually(async () => (await unstuck.get(id))?.state === 'failed', 'it has expired');
  });
});

describe('E13: a batch that takes too long', () => {
  test('is halved, and a batch grows again after one that was in time', () => {
    const batch = new BatchSize(2_000);
    for (let stall = 0; stall < 20; stall += 1) batch.halve();
    expect(batch.size).toBe(1);
    for (let good = 0; good < 20; good += 1) batch.grow();
    expect(batch.size).toBe(2_000);
  });

  test('though it is a single row is that row’s fault: three times, and it is quarantined', async () => {
    const all = await setup({ sweep: false, sweepTimeout: '300ms' });
    const { unstuck, query, moveClock } = all;
    await query(`create function stall() returns trigger language plpgsql as
      $$ begin if new.input = '42' and new.reason like 'not finished%' then perform pg_sleep(10); end if; return new; end $$`);
    await query(
      'create trigger stall before insert on unstuck.finished for each row execute function stall()',
    );
    const finishBy = new Date(Date.now() + 60_000);
    const jobs = await unstuck.enqueueMany(
      't',
      [42, 1, 2].map((input) => ({ input, finishBy })),
    );
    await moveClock('2 minutes');
    const sweep = new Sweeper(all.database().forSweep(), unstuck.log, nobody);
    for (let round = 0; round < 3; round += 1) await sweep.sweepOnce();
    const ends = await Promise.all(jobs.map(({ id }) => unstuck.get(id)));
    expect(ends.map((end) => end?.error?.code)).toEqual([
      'JOB_QUARANTINED',
      'JOB_EXPIRED',
      'JOB_EXPIRED',
    ]);
  });
});

describe('the tick', () => {
  test('O9: of many processes exactly one takes it', async () => {
    const { database, query } = await setup({ sweep: false });
    const databases = Array.from({ length: 6 }, () => database());
    await query(`update unstuck.ticks set next_at = unstuck.clock() - interval '1 second'`);
    const ticks = await Promise.all(
      databases.map((one) => one.run(takeTickBlindly, ['sweep', 60_000])),
    );
    expect(ticks.filter(([tick]) => tick?.taken === true)).toHaveLength(1);
  });

  test('K5: one that a clock put far into the future is taken all the same', async () => {
    const { database, moveClock } = await setup({ sweep: false });
    const one = database();
    await moveClock('1 year');
    expect((await one.run(takeTickBlindly, ['sweep', 1_000]))[0]?.taken).toBe(true);
    await moveClock('0');
    expect((await one.run(takeTickBlindly, ['sweep', 1_000]))[0]?.taken).toBe(true);
    expect((await one.run(takeTickBlindly, ['sweep', 1_000]))[0]?.taken).toBe(false);
  });

  test('E5, E8: a process that starts later moves what became late while nobody swept', async () => {
    const { unstuck, connect, moveClock } = await setup({ sweep: false });
    const { id } = await unstuck.enqueue('t', 1, { delay: '1h' });
    await moveClock('2 hours');
    (await connect({ sweep: true })).sweep();
    await eventually(async () => (await unstuck.get(id))?.state === 'queued', 'promoted');
  });

  test('S3.2: a process whose sweep is switched off moves nothing', async () => {
    const { unstuck, query, moveClock } = await setup({ sweep: false });
    await unstuck.work([job('other', () => 1)]);
    unstuck.sweep();
    const { id } = await unstuck.enqueue('t', 1, { delay: '1h' });
    await moveClock('2 hours');
    const other = await unstuck.enqueue('other', 1);
    await unstuck.wait(other.id, { timeout: '20s' });
    expect((await unstuck.get(id))?.state).toBe('pending');
    expect(await query('select from unstuck.ticks where last_ok_at is not null')).toEqual([]);
  });
});

describe('rows that a hand or a bug left', () => {
  const running = `insert into unstuck.jobs (type, waits_for, wake_at, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms)
    values ('t', null, null, $1, 1, 1, now(), now() + $2::interval, 5, 60000) returning id::text`;

  test('B9: running for a worker that does not exist, in no claim: they run again', async () => {
    const all = await setup({ sweep: false });
    const ids = [];
    for (let n = 0; n < 20; n += 1)
      ids.push(
        (
          await all.query<{ id: string }>(running, [
            '01234567-89ab-7def-8123-456789abcd00',
            '1 day',
          ])
        )[0]?.id ?? '',
      );
    await sweeper(all).sweepOnce();
    for (const id of ids)
      expect(await all.unstuck.get(id)).toMatchObject({ state: 'queued', crashes: 1 });
  });

  test('running past their timeout for a live worker that does not know them: they are timed out', async () => {
    const all = await setup({ sweep: false });
    const worker = await all.unstuck.work([job('other', () => 1)]);
    const [row] = await all.query<{ id: string }>(running, [worker.id, '-10 minutes']);
    await sweeper(all).sweepOnce();
    expect(await all.unstuck.get(row?.id ?? '')).toMatchObject({
      state: 'pending',
      waitsFor: 'retry',
      error: { code: 'JOB_TIMEOUT' },
    });
  });

  test('E6: are found behind ten thousand rows that are in order', async () => {
    const all = await setup({ sweep: false });
    await all.query(
      `insert into unstuck.jobs (type, waits_for, wake_at, claim_by, attempts_max, claim_within_ms, input)
        select 'q', null, null, now() + interval '1 hour', 5, 60000, to_jsonb(repeat('x', 500)) from generate_series(1, 10000)`,
    );
    const [row] = await all.query<{ id: string }>(running, [
      '01234567-89ab-7def-8123-456789abcd00',
      '1 day',
    ]);
    const sweep = sweeper(all);
    await eventually(async () => {
      await sweep.sweepOnce();
      return (await all.unstuck.get(row?.id ?? ''))?.state === 'queued';
    }, 'found');
  });

  test('B9: a worker that holds claims cannot be deleted', async () => {
    const { unstuck, query } = await setup({ sweep: false });
    const started = gate();
    const long = job('long', () => {
      started.open();
      return new Promise(() => undefined);
    });
    await unstuck.work([long]);
    await unstuck.enqueue(long, 1);
    await started.promise;
    await expect(query('delete from unstuck.workers')).rejects.toThrow('foreign key constraint');
  });

  test('rows of a type that nobody knows are refused, where unknown types are', async () => {
    const all = await setup({ sweep: false, unknownTypes: 'refuse' });
    const [row] = await all.query<{ id: string }>(`select unstuck.enqueue('tpyo')::text as id`);
    await sweeper(all).sweepOnce();
    expect(await all.unstuck.get(row?.id ?? '')).toMatchObject({
      state: 'failed',
      error: { code: 'JOB_TYPE_UNKNOWN' },
    });
    await expect(all.unstuck.enqueue('tpyo', 1)).rejects.toMatchObject({
      code: 'JOB_TYPE_UNKNOWN',
    });
  });
});
