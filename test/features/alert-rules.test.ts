// The laws of alert rules: what each kind sees, and what it leaves alone.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Sight } from '../../src/domain/alert-decisions.ts';
import type { RuleOptions } from '../../src/domain/alert-rules.ts';
import { defineAlerts } from '../../src/domain/define-alerts.ts';
import { look } from '../../src/features/alerts/look.ts';
import { enlistTargets } from '../../src/sql/targets.ts';
import { eventually, job, type Setup, setup } from '../support/unstuck.ts';
import { rounds, someChannel } from './support/alerts.ts';

/** What a rule sees now. */
async function seen({ database }: Setup, options: RuleOptions): Promise<readonly Sight[]> {
  const { rules } = defineAlerts({ channels: { ops: someChannel() }, rules: [options] });
  return look(database(), rules[0] as (typeof rules)[number]);
}

/** Lets so many jobs of a type have ended, at this interval from now. */
async function ended(
  { query }: Setup,
  { type, state, count, at = '0s' }: { type: string; state: string; count: number; at?: string },
): Promise<void> {
  await query(
    `insert into unstuck.finished (id, seq, lane, type, rank, input, token, attempt, created_at, crashes, snoozes, tags, state, finished_at)
      select unstuck.new_id(), n, 0, $1, 0, '{}', 1, 1, now(), 0, 0, '{}', $2, now() + $4::interval from generate_series(1, $3::integer) n`,
    [type, state, count, at],
  );
}

test('findings: those of the kinds that are asked for', async () => {
  const all = await setup({ sweep: false });
  await rounds(all).finding('mail');
  expect(await seen(all, { kind: 'findings', kinds: ['slot'] })).toEqual([]);
  expect(await seen(all, { kind: 'findings' })).toMatchObject([
    { subject: 'queued: mail', count: 3, summary: '3 jobs: no live worker. Next: start one' },
  ]);
});

test('stuck: late jobs that no current finding explains, by type', async () => {
  const all = await setup({ sweep: false });
  await all.unstuck.enqueue('mail', 1);
  expect(await seen(all, { kind: 'stuck' })).toEqual([]);
  await all.moveClock('10 minutes');
  expect(await seen(all, { kind: 'stuck' })).toMatchObject([{ subject: 'mail', count: 1 }]);
  await all.unstuck.stuck();
  expect(await seen(all, { kind: 'stuck' })).toEqual([]);
});

test('stuck: at every gate, in the queue and running, with the grace that findings give, as the status counts it', async () => {
  const all = await setup({ sweep: false });
  const gates = ['hold', 'slot', 'time', 'retry', 'target', 'limit', 'executions'];
  for (const gate of gates)
    await all.query(
      `insert into unstuck.jobs (type, waits_for, wake_at, wants_pool, limit_key, attempts_max, claim_within_ms)
        values ($1::text, $1::text, now() + interval '1 minute', case when $1 = 'slot' then 'p' end, case when $1 = 'limit' then 'l' end, 5, 300000)`,
      [gate],
    );
  const both = async (): Promise<readonly [string[], number]> => [
    (await seen(all, { kind: 'stuck' })).map(({ subject }) => subject).toSorted(),
    (await all.unstuck.status()).stuck,
  ];
  await all.query(
    `insert into unstuck.jobs (type, waits_for, wake_at, claim_by, attempts_max, claim_within_ms) values ('queued', null, null, now() + interval '1 minute', 5, 300000)`,
  );
  await all.query(
    `with w as (insert into unstuck.workers (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version, started_at)
      values ($1, 'w', 'm', 1, '', 10000, now() + interval '1 hour', now(), 'live', '{}', 1, '1', now())),
     j as (insert into unstuck.jobs (type, waits_for, wake_at, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms)
      values ('running', null, null, $1, 1, 1, now(), now() + interval '1 minute', 5, 300000) returning id)
     insert into unstuck.claims (id, worker_id, job_ids, expires_at, created_at) select gen_random_uuid(), $1, array[id], now() + interval '1 minute', now() from j`,
    [randomUUID()],
  );
  await all.moveClock('55 seconds');
  expect(await both()).toEqual([[], 0]);
  await all.moveClock('72 seconds');
  expect(await both()).toEqual([[...gates, 'queued'].toSorted(), 8]);
  await all.moveClock('90 seconds');
  expect(await both()).toEqual([[...gates, 'queued', 'running'].toSorted(), 9]);
});

test('oldest: how long the oldest queued job of a type, or of a queue, has waited for a worker', async () => {
  const all = await setup({ sweep: false });
  await all.unstuck.enqueue('mail', 1);
  await all.unstuck.enqueue('mail', 2);
  await all.unstuck.enqueue('mail', 3, { delay: '1h' });
  expect(await seen(all, { kind: 'oldest', over: '10m' })).toEqual([]);
  await all.moveClock('11 minutes');
  expect(await seen(all, { kind: 'oldest', over: '10m' })).toMatchObject([
    { subject: 'mail', count: 2 },
  ]);
  expect(await seen(all, { kind: 'oldest', over: '10m', types: ['other'] })).toEqual([]);
  expect(await seen(all, { kind: 'oldest-of-queue', over: '10m' })).toMatchObject([
    { subject: 'default', count: 2 },
  ]);
});

test('dead letters and failure rate: of what ended within the window', async () => {
  const all = await setup({ sweep: false });
  const dead = { kind: 'dead-letters', count: 10, window: '10m' } as const;
  const rate = { kind: 'failure-rate', share: 0.5, atLeast: 20, window: '10m' } as const;
  await ended(all, { type: 'old', state: 'failed', count: 50, at: '-11 minutes' });
  await ended(all, { type: 'few', state: 'failed', count: 9 });
  await ended(all, { type: 'many', state: 'failed', count: 12 });
  await ended(all, { type: 'many', state: 'completed', count: 12 });
  await ended(all, { type: 'fine', state: 'failed', count: 12 });
  await ended(all, { type: 'fine', state: 'completed', count: 13 });
  expect((await seen(all, dead)).map(({ subject, count }) => [subject, count])).toEqual([
    ['fine', 12],
    ['many', 12],
  ]);
  expect(await seen(all, { ...dead, types: ['many'] })).toHaveLength(1);
  expect(await seen(all, rate)).toMatchObject([
    {
      subject: 'many',
      count: 12,
      summary: '12 of 24 jobs of many that ended within 10m failed (50 %)',
    },
  ]);
});

test('worker-lost: one that died and has no successor', async () => {
  const all = await setup({ sweep: false });
  const add = (name: string, state: string, at: string, types = ['mail']): Promise<unknown> =>
    all.query(
      `insert into unstuck.workers (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version, started_at, ended_at)
        values (gen_random_uuid(), $1, 'm1', 1, '', 10000, now() + interval '1 hour', now() + $3::interval, $2, $4, 1, '1', now() + $3::interval,
          case when $2 = 'dead' then now() end)`,
      [name, state, at, types],
    );
  await add('other', 'live', '-10 seconds', ['video']);
  await add('w1', 'dead', '-1 minute');
  expect(await seen(all, { kind: 'worker-lost' })).toMatchObject([
    { subject: 'w1', summary: expect.stringMatching(/^The worker w1 on m1 died at /) },
  ]);
  await add('w2', 'live', '-30 seconds');
  expect(await seen(all, { kind: 'worker-lost' })).toEqual([]);
});

test('worker-lost: the row under which a target holds jobs is no worker, however long nothing was sent to it', async () => {
  const all = await setup({ sweep: false });
  await all.query(TARGET, ['gpu-1']);
  await all.database().run(enlistTargets, [['gpu-1']]);
  await all.query(`update unstuck.workers set state = 'dead', ended_at = now()`);
  expect(await seen(all, { kind: 'worker-lost' })).toEqual([]);
});

test('schedule-missed: one that is behind its time, or cannot be fired', async () => {
  const all = await setup({ sweep: false });
  for (const name of ['a', 'b', 'c'])
    await all.unstuck.schedules.set(name, { type: 'x', cron: '0 0 1 1 *' });
  await all.query(
    `update unstuck.schedules set next_at = now() - interval '1 hour' where name = 'a'`,
  );
  await all.query(
    `update unstuck.schedules set error = '{"code": "X", "message": "no"}', error_at = now(), errors = 1, retry_at = now() where name = 'b'`,
  );
  const summaries = (await seen(all, { kind: 'schedule-missed' })).map(({ summary }) => summary);
  expect(summaries.toSorted()).toEqual([
    expect.stringMatching(/^The schedule a was due at .* and was not fired$/),
    expect.stringMatching(/^The schedule b cannot be fired since .*: no$/),
  ]);
});

test('O1: a pause behind which work has waited for too long names who made it and why', async () => {
  const all = await setup({ sweep: false });
  await all.query(
    `insert into unstuck.pauses (kind, name, reason, by, at) values ('type', 'mail', 'vendor down', 'ann', now()), ('type', 'idle', null, 'bob', now())`,
  );
  await all.unstuck.enqueue('mail', 1);
  await all.moveClock('59 minutes');
  expect(await seen(all, { kind: 'paused-with-backlog' })).toEqual([]);
  await all.moveClock('61 minutes');
  expect(await seen(all, { kind: 'paused-with-backlog' })).toMatchObject([
    {
      subject: 'type mail',
      summary: expect.stringMatching(
        /^1 job waits behind the pause of type mail by ann \(vendor down\)/,
      ),
    },
  ]);
});

test('O1: so does one of a target', async () => {
  const all = await setup({ sweep: false });
  await all.query(TARGET, ['gpu-1']);
  await all.query(TARGET, ['idle']);
  await all.query(
    `insert into unstuck.job_types (type, queue, timeout_ms, claim_within_ms, attempts_max, backoff_base_ms, backoff_max_ms, targets, defined_at)
      values ('video', 'default', 60000, 300000, 5, 1000, 1000, '{gpu-1}', now())`,
  );
  await all.query(
    `update unstuck.targets set paused_at = now(), paused_by = 'ann', paused_reason = 'vendor down'`,
  );
  await all.query(
    `insert into unstuck.jobs (type, waits_for, wake_at, attempts_max, claim_within_ms) values ('video', 'target', now() + interval '5 minutes', 5, 300000)`,
  );
  await all.moveClock('59 minutes');
  expect(await seen(all, { kind: 'paused-with-backlog' })).toEqual([]);
  await all.moveClock('61 minutes');
  expect(await seen(all, { kind: 'paused-with-backlog' })).toMatchObject([
    {
      subject: 'target gpu-1',
      summary: expect.stringMatching(
        /^1 job waits behind the pause of target gpu-1 by ann \(vendor down\)/,
      ),
    },
  ]);
});

test('O1: people are told by default of a bridge that carries nothing', async () => {
  const all = await setup({ sweep: false });
  await all.query(
    `insert into unstuck.bridges (name, list, dead_list, take_from, address, every_ms, late_ms, next_look)
      values ('orders', 'orders', 'orders:dead', 'right', 'redis://h', 5000, 300000, now())`,
  );
  await all.moveClock('1 minute');
  await all.unstuck.stuck();
  const { rules } = defineAlerts({ channels: { ops: someChannel() } });
  const sights = await Promise.all(rules.map((rule) => look(all.database(), rule)));
  expect(sights.flat().map(({ subject }) => subject)).toContain('bridge: orders');
});

const TARGET = `insert into unstuck.targets (name, worker_id, url, failures_max, probe_every_ms, probe_for_ms, probe_then_ms, silence_ms,
    ramp_max, state, since, down_since, next_probe_at, last_error, defined_at)
  values ($1, gen_random_uuid(), 'https://gpu', 3, 60000, 3600000, 600000, 60000, 10, 'down', now(), now(), now(), '{"message": "refused"}', now())`;

test('target-down: one that does not answer, with the jobs that wait for it; not one that somebody paused', async () => {
  const all = await setup({ sweep: false });
  await all.query(TARGET, ['gpu-1']);
  await all.query(TARGET, ['gpu-2']);
  await all.query(`update unstuck.targets set paused_at = now() where name = 'gpu-2'`);
  expect(await seen(all, { kind: 'target-down' })).toMatchObject([
    {
      subject: 'gpu-1',
      summary: expect.stringMatching(/^The target gpu-1 is down since .*: refused$/),
    },
  ]);
  await all.query(`update unstuck.targets set state = 'half-open'`);
  expect(await seen(all, { kind: 'target-down' })).toHaveLength(1);
});

test('S2.5: one SMS goes out when a target is down, at most once in five minutes however many jobs are parked', async () => {
  const all = await setup({ sweep: false });
  const { at, told } = rounds(all, { rules: [{ kind: 'target-down', every: '5m', repeat: '5m' }] });
  await all.query(TARGET, ['gpu-1']);
  await all.query(
    `insert into unstuck.job_types (type, queue, timeout_ms, claim_within_ms, attempts_max, backoff_base_ms, backoff_max_ms, defined_at, targets)
      values ('render', 'default', 1000, 1000, 5, 1000, 1000, now(), '{gpu-1}')`,
  );
  for (let second = 0; second <= 600; second += 20) {
    await all.query(
      `insert into unstuck.jobs (type, waits_for, wake_at, attempts_max, claim_within_ms)
        select 'render', 'target', now() + interval '1 day', 5, 60000 from generate_series(1, 40)`,
    );
    await at(`${second} seconds`);
  }
  const messages = await told();
  expect(messages.map(({ event }) => event)).toEqual(Array(3).fill('alert.firing'));
  expect(messages[2]?.text).toMatch(/, 1240 jobs wait for it: refused/);
});

test('O4: a thousand jobs that fail within a minute are at most three messages for each channel', async () => {
  const all = await setup({ sweep: false });
  const failing = Array.from({ length: 20 }, (_, nth) =>
    job(`t${nth}`, () => Promise.reject(new Error('broken')), { retry: { attempts: 1 } }),
  );
  const worker = await all.connect();
  await worker.work(failing, { concurrency: 50 });
  const { told, round } = rounds(all, {
    channels: { ops: someChannel(), more: someChannel() },
    rules: [{ kind: 'dead-letters' }, { kind: 'failure-rate' }, { kind: 'findings' }],
  });
  for (let batch = 0; batch < 5; batch += 1) {
    await Promise.all(
      failing.map((one) =>
        all.unstuck.enqueueMany(
          one,
          Array.from({ length: 10 }, () => ({ input: 1 })),
        ),
      ),
    );
    const count = (batch + 1) * 200;
    await eventually(
      async () => (await all.query('select from unstuck.finished')).length === count,
      `${count} have failed`,
    );
    await round();
  }
  const messages = await told();
  for (const name of ['ops', 'more']) {
    const own = messages.filter(({ channel }) => channel === name);
    expect(own.length).toBeGreaterThan(0);
    expect(own.length).toBeLessThanOrEqual(3);
  }
  expect(messages[0]?.text).toContain('10 jobs of');
});

test.each([
  [{ kind: 'nothing' }, /rules\[0\].kind to be one of stuck, /],
  [{ kind: 'oldest', over: 'soon' }, /rules\[0\].over to be a duration/],
  [{ kind: 'dead-letters', count: 0 }, /rules\[0\].count to be a whole number/],
  [{ kind: 'failure-rate', share: 2 }, /rules\[0\].share to be a number above 0/],
  [{ kind: 'stuck', channels: ['nobody'] }, /rules\[0\].channels to name channels/],
  [{ kind: 'stuck', severity: 'grave' }, /rules\[0\].severity to be one of info/],
  [{ kind: 'stuck', over: '5m' }, /There is no option "over" of the alert rule rules\[0\]/],
  [{ kind: 'stuck', every: -1 }, /rules\[0\].every to be a duration/],
])('a rule that is none is refused: %o', (options, message) => {
  expect(() =>
    defineAlerts({ channels: { ops: someChannel() }, rules: [options as RuleOptions] }),
  ).toThrow(message);
});

test('a definition whose channels or names do not fit together is refused', () => {
  const channels = { ops: someChannel() };
  expect(() => defineAlerts({ channels, rules: [{ kind: 'stuck' }, { kind: 'stuck' }] })).toThrow(
    /a name of its own \(`name`\), got "stuck twice"/,
  );
  expect(() => defineAlerts({ channels: {} })).toThrow(/1 to 20 channels/);
  expect(() => defineAlerts({ channels: { ops: {} as never } })).toThrow(/made by smsChannel/);
  expect(() => defineAlerts({ channels: { ops: someChannel({ fallback: 'no' }) } })).toThrow(
    /fallback of channel ops to name a channel, got "no"/,
  );
  const [a, b] = [someChannel({ fallback: 'b' }), someChannel({ fallback: 'a' })];
  expect(() => defineAlerts({ channels: { a, b } })).toThrow(/not to go in a circle/);
  expect(() => defineAlerts({ channels, beat: { url: 'ftp://x' } })).toThrow(/beat.url/);
  expect(() => defineAlerts({ channels, interval: '1ms' })).toThrow(/interval to be a duration/);
  expect(defineAlerts({ channels }).rules.map(({ kind }) => kind)).toContain('detector-dead');
  expect(JSON.stringify(defineAlerts({ channels, beat: { url: 'https://x/hush' } }))).not.toContain(
    'hush',
  );
});
