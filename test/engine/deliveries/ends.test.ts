// The laws of telling an end (S2.9): whatever ends a job tells once, with the outcome and in its transaction; what is no end tells nothing.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { Cancel } from '../../../src/domain/outcome.ts';
import { Sweeper } from '../../../src/engine/sweeper.ts';
import { eventually, job, type Setup, setup } from '../../support/unstuck.ts';

const notify = { webhook: 'https://receiver.invalid/hook?secret=1' };
const nobody = { ready: () => undefined, notify: () => Promise.resolve() };

interface Row {
  readonly job_id: string;
  readonly channel: string;
  readonly address: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

const rowsOf = ({ query }: Setup): Promise<Row[]> =>
  query<Row>(
    'select job_id::text, channel, address, payload from unstuck.deliveries order by created_at, channel desc',
  );

const work = {
  good: job('good', () => ({ made: 1 })),
  bad: job('bad', () => Promise.reject(new Error('no')), { retry: { attempts: 1 } }),
  dropped: job('dropped', () => Promise.reject(new Cancel('not wanted')), {
    retry: { attempts: 1 },
  }),
};

/** Stores a job that ends in some way, and returns its id. */
type Way = (all: Setup) => Promise<string>;

const run =
  (which: keyof typeof work): Way =>
  async ({ unstuck }) => {
    const { id } = await unstuck.enqueue(work[which], 1, { notify });
    await unstuck.work([work[which]]);
    await unstuck.wait(id);
    return id;
  };

const stored = async ({ unstuck }: Setup, more = {}): Promise<string> =>
  (await unstuck.enqueue('t', 1, { notify, ...more })).id;

const sweep = ({ database, unstuck }: Setup): Promise<unknown> =>
  new Sweeper(database(), unstuck.log, nobody).sweepOnce();

/** Makes a job of a worker that died: it was lost before so many times. */
async function lost(all: Setup, crashes: number): Promise<string> {
  const id = await stored(all);
  await all.query(
    `update unstuck.jobs set claim_by = null, worker_id = $2, token = 1, attempt = 1, started_at = now(), expires_at = now() + interval '1 day',
      crashes = $3 where id = $1`,
    [id, randomUUID(), crashes],
  );
  return id;
}

const WAYS: Readonly<Record<string, readonly [way: Way, state: string]>> = {
  'a handler that returns': [run('good'), 'completed'],
  'a handler that throws for the last time': [run('bad'), 'failed'],
  'a handler that cancels': [run('dropped'), 'cancelled'],
  'a person who cancels': [
    async (all) => (await all.unstuck.cancel(await stored(all))).id,
    'cancelled',
  ],
  'a bulk cancel': [
    async (all) => {
      const id = await stored(all);
      await all.unstuck.bulk.cancel({ ids: [id] });
      return id;
    },
    'cancelled',
  ],
  'a job that expires': [
    async (all) => {
      const id = await stored(all, { finishBy: new Date(Date.now() + 60_000) });
      await all.moveClock('2 minutes');
      await sweep(all);
      return id;
    },
    'failed',
  ],
  'C2: the third loss, as poison': [
    async (all) => {
      const id = await lost(all, 2);
      await sweep(all);
      return id;
    },
    'failed',
  ],
  'a timeout that the sweep sees': [
    async (all) => {
      const id = await lost(all, 0);
      await all.query(
        `insert into unstuck.workers (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version, started_at)
          select worker_id, 'w', 'elsewhere', 1, '1', 10000, now() + interval '1 day', now(), 'live', '{t}', 1, '0', now() from unstuck.jobs`,
      );
      await all.query(
        `update unstuck.jobs set attempts_max = 1, expires_at = now() - interval '1 hour'`,
      );
      await sweep(all);
      return id;
    },
    'failed',
  ],
  'E7: a quarantine': [
    async (all) => {
      const id = await stored(all, { finishBy: new Date(Date.now() + 60_000) });
      await all.query(`create function refuse() returns trigger language plpgsql as
        $$ begin if new.reason like 'not finished%' then raise exception 'no'; end if; return new; end $$`);
      await all.query(
        'create trigger refuse before insert on unstuck.finished for each row execute function refuse()',
      );
      await all.moveClock('2 minutes');
      for (let round = 0; round < 3; round += 1) await sweep(all);
      return id;
    },
    'failed',
  ],
  'SQL by hand': [
    async (all) => {
      const [row] = await all.query<{ id: string }>(
        `select unstuck.enqueue('t', notify => '{"webhook": "https://receiver.invalid/hook?secret=1"}')::text as id`,
      );
      await all.query(`with ended as (delete from unstuck.jobs returning *)
        insert into unstuck.finished (id, seq, lane, type, rank, input, token, attempt, created_at, crashes, snoozes, tags, notify, state, finished_at)
        select id, seq, lane, type, rank, input, token, attempt, created_at, crashes, snoozes, tags, notify, 'completed', now() from ended`);
      return row?.id ?? '';
    },
    'completed',
  ],
};

for (const [name, [way, state]] of Object.entries(WAYS))
  test(`S2.9: ${name} tells once`, async () => {
    const all = await setup({ sweep: false });
    const id = await way(all);
    expect(await rowsOf(all)).toEqual([
      {
        job_id: id,
        channel: 'webhook',
        address: notify.webhook,
        payload: expect.objectContaining({ job_id: id, state, truncated: false }),
      },
    ]);
    expect(await all.unstuck.get(id)).toMatchObject({ state });
  });

test('every address is told, whether a job is plain, keyed, or holds a slot and a limit', async () => {
  const all = await setup({ sweep: false });
  const { unstuck } = all;
  await unstuck.pools.set('p', { capacity: 5 });
  await unstuck.limits.set('l', { running: 5 });
  const both = [notify, { email: 'ada@example.com' }];
  for (const more of [{}, { key: 'k' }, { slot: 'p', limit: 'l' }]) {
    const { id } = await unstuck.enqueue('t', 1, { notify: both, ...more });
    await unstuck.cancel(id);
    const rows = (await rowsOf(all)).filter((row) => row.job_id === id);
    expect(rows.map(({ channel, address }) => [channel, address])).toEqual([
      ['webhook', notify.webhook],
      ['email', 'ada@example.com'],
    ]);
  }
});

test('the payload tells the outcome: the result, or the error without its stack, cut when there is much of it', async () => {
  const all = await setup({ sweep: false });
  const long = job('long', () => 'x'.repeat(30_000));
  const { id } = await all.unstuck.enqueue(work.good, 1, { notify, key: 'mine' });
  const bad = await all.unstuck.enqueue(work.bad, 1, { notify });
  const much = await all.unstuck.enqueue(long, 1, { notify });
  await all.unstuck.work([work.good, work.bad, long]);
  for (const one of [id, bad.id, much.id]) await all.unstuck.wait(one);
  const told = new Map((await rowsOf(all)).map((row) => [row.job_id, row.payload]));
  const ended = await all.unstuck.get(id);
  expect(told.get(id)).toEqual({
    job_id: id,
    type: 'good',
    state: 'completed',
    key: 'mine',
    result: { made: 1 },
    error: null,
    reason: null,
    truncated: false,
    attempt: 1,
    created_at: ended?.createdAt.toISOString(),
    started_at: ended?.startedAt?.toISOString(),
    finished_at: ended?.finishedAt?.toISOString(),
  });
  expect(told.get(bad.id)).toMatchObject({
    error: { code: 'HANDLER_FAILED', name: 'Error', message: 'no' },
    result: null,
  });
  expect(Object.keys(told.get(bad.id)?.['error'] as object)).not.toContain('stack');
  expect(told.get(much.id)).toMatchObject({ truncated: true });
  expect(told.get(much.id)?.['result']).toHaveLength(20_000);
});

test('an end that is rolled back tells nothing', async () => {
  const all = await setup({ sweep: false });
  const id = await stored(all);
  const session = await all.session();
  await session.query('begin');
  await session.query(`with ended as (delete from unstuck.jobs returning *)
    insert into unstuck.finished (id, seq, lane, type, rank, input, token, attempt, created_at, crashes, snoozes, tags, notify, state, finished_at)
    select id, seq, lane, type, rank, input, token, attempt, created_at, crashes, snoozes, tags, notify, 'completed', now() from ended`);
  const inside = await session.query('select from unstuck.deliveries');
  expect(inside.rows).toHaveLength(1);
  await session.query('rollback');
  expect(await rowsOf(all)).toEqual([]);
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'queued' });
});

test('a retry, a snooze and a delete are no ends; a job that is retried by hand is told of again', async () => {
  const all = await setup({ sweep: false });
  const { unstuck } = all;
  await unstuck.delete(await stored(all));
  expect(await rowsOf(all)).toEqual([]);
  const again = await stored(all);
  await unstuck.cancel(again);
  await unstuck.retry(again);
  expect(await rowsOf(all)).toHaveLength(1);
  await unstuck.cancel(again);
  await unstuck.bulk.retry({ ids: [again] });
  await unstuck.cancel(again);
  expect((await rowsOf(all)).map((row) => row.job_id)).toEqual([again, again, again]);
  await unstuck.delete(again);
  expect(await rowsOf(all)).toEqual([]);
});

test('a call that replaces the input of a live job is told instead of the one before', async () => {
  const all = await setup({ sweep: false });
  const { id } = await all.unstuck.enqueue('t', 1, { key: 'k', notify });
  const other = { key: 'k', whenTaken: 'replace', notify: { email: 'b@example.com' } } as const;
  expect(await all.unstuck.enqueue('t', 2, other)).toMatchObject({ id, reason: 'replaced' });
  expect(await all.unstuck.enqueue('t', 3, { key: 'k', whenTaken: 'replace' })).toMatchObject({
    id,
  });
  await all.unstuck.cancel(id);
  expect((await rowsOf(all)).map((row) => row.address)).toEqual(['b@example.com']);
});

test('NOTIFY_INVALID: an address that nobody could be told at is refused, and shown nowhere', async () => {
  const all = await setup({ sweep: false });
  const refused = [
    [],
    Array.from({ length: 6 }, () => notify),
    'https://a.example',
    null,
    {},
    { webhook: 'ftp://a.example' },
    { webhook: 'https://ada:hunter2@a.example' },
    { webhook: 'https://' },
    { webhook: 'https://a.example/ b' },
    { webhook: `https://a.example/${'x'.repeat(2_000)}` },
    { email: 'ada' },
    { email: 'a@b.example, c@d.example' },
    { email: 'a@b.example\r\nBcc: c@d.example' },
    { email: `${'x'.repeat(250)}@b.example` },
    { webhook: 'https://a.example', email: 'a@b.example' },
    { webhok: 'https://a.example' },
  ];
  for (const one of refused) {
    const failed: unknown = await all.unstuck
      .enqueue('t', 1, { notify: one as never })
      .catch((error: unknown) => error);
    expect(failed, JSON.stringify(one)).toMatchObject({ code: 'NOTIFY_INVALID' });
    expect(String(failed)).not.toContain('hunter2');
  }
  expect(await all.query('select from unstuck.jobs')).toEqual([]);
});

test('O8: what the trigger could not tell is refused when it is inserted by hand, and not when the job ends', async () => {
  const all = await setup({ sweep: false });
  const by = (value: string): Promise<unknown> =>
    all.query('insert into unstuck.jobs (type, notify) values ($1, $2)', ['t', value]);
  const refused = [
    '[]',
    '{}',
    '7',
    '"https://a.example"',
    '{"webhook": 7}',
    '{"webhook": ["https://a.example"]}',
    '{"webhook": "https://u:p@a.example"}',
    '{"webhook": "https://a.example\\nx"}',
    '{"email": "ada"}',
    '{"webhook": "https://a.example", "email": "a@b.example"}',
    '{"email": "a@b.example", "for_ms": "1"}',
    '{"email": "a@b.example", "for_ms": 1e30}',
    '[{"email": "a@b.example"}, {"email": ""}]',
    `[${Array.from({ length: 6 }, () => '{"email": "a@b.example"}').join(',')}]`,
    `{"webhook": "https://a.example/${'x'.repeat(13_000)}"}`,
  ];
  for (const value of refused)
    await expect(by(value), value).rejects.toMatchObject({ constraint: 'jobs_notify' });
  const good = ['{"email": "a@b.example", "for_ms": 1500.5}', '[{"webhook": "http://a.example"}]'];
  // Longer than an enqueue takes it, and as long as the column does.
  good.push(`{"webhook": "https://a.example/${'x'.repeat(11_000)}"}`);
  for (const value of good) await by(value);
  await all.unstuck.bulk.cancel({ filter: { type: 't' } });
  await eventually(async () => (await rowsOf(all)).length === 3, 'all are told');
});
