// The laws of /metrics: the text is what Prometheus reads, names follow its rules, values are right, and scraping costs little.
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createHandler, type Handler } from '../../src/http/index.ts';
import { Database } from '../../src/storage/database.ts';
import { job, type Setup, setup } from '../support/unstuck.ts';
import { parseExposition, valueOf } from './support/exposition.ts';

async function handled(): Promise<Setup & { handle: Handler; scrape: () => Promise<string> }> {
  const all = await setup();
  const handle = createHandler(all.unstuck);
  const scrape = async (): Promise<string> => {
    const answer = await handle(new Request('http://localhost/metrics'));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    return answer.text();
  };
  return { ...all, handle, scrape };
}

/** An installation in which every metric has a value. */
async function busy(): Promise<Awaited<ReturnType<typeof handled>>> {
  const all = await handled();
  const { unstuck, handle } = all;
  // No name that a client may give needs escaping; one that somebody has written with psql does.
  await all.query(
    `insert into unstuck.pools (key, capacity, created_at, updated_at) values ('a "pool"\\', 3, now(), now())`,
  );
  await unstuck.pools.set('pool', { capacity: 3 });
  await unstuck.limits.set('calls', { running: 2, rate: { count: 10, per: '1s' } });
  await unstuck.schedules.set('daily', { type: 'nobody', cron: '@daily' });
  await all.query(
    `insert into unstuck.bridges (name, list, dead_list, take_from, address, every_ms, late_ms, state, looked_at, next_look, waiting, waiting_oldest_at,
        waiting_growth, processing_growth, dead_growth)
      values ('orders', 'jobs', 'jobs:dead', 'right', 'redis://host', 5000, 300000, 'up', now(), now(), 7, now() - interval '1 minute', 3, 0, 0)`,
  );
  const good = job('good', () => 1, { queue: 'main' });
  const bad = job(
    'bad',
    () => {
      throw new Error('no');
    },
    { retry: { attempts: 1 } },
  );
  await unstuck.work([good, bad]);
  await unstuck.enqueue('nobody', {}, { slot: 'pool' });
  await unstuck.enqueue('nobody', {}, { hold: true });
  for (const one of [good, good, bad]) await unstuck.wait((await unstuck.enqueue(one, 1)).id);
  await handle(new Request('http://localhost/v1/jobs/7'));
  return all;
}

test('the text is read without a fault, and names follow the rules', async () => {
  const { scrape } = await busy();
  await scrape();
  const text = await scrape();
  const { faults, families } = parseExposition(text);
  expect(faults).toEqual([]);
  expect(families.size).toBeGreaterThan(40);
  const promtool = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if (promtool.error !== undefined)
    process.stderr.write(
      '!!! SKIPPED: promtool is not on this machine; only our own reading ran.\n',
    );
  else
    expect({ code: promtool.status, said: promtool.stdout + promtool.stderr }).toEqual({
      code: 0,
      said: '',
    });
});

test('our reading finds what it must', () => {
  const wrong = [
    ['a_total 1\n', /no TYPE/],
    ['# HELP a x\n# TYPE a counter\na 1\n', /_total/],
    ['# HELP a_total x\n# TYPE a_total gauge\na_total 1\n', /_total/],
    ['# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n', /base unit/],
    ['# HELP a x\n# TYPE a gauge\na 1\na 2\n', /twice/],
    ['# TYPE a gauge\na 1\n', /no HELP/],
    ['# HELP a x\n# TYPE a gauge\na{b="c} 1\n', /cannot be read/],
    ['# HELP a x\n# TYPE a gauge\na{b="c"} one\n', /cannot be read/],
    ['# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_sum 1\na_count 2\n', /\+Inf/],
    [
      '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
      /fall/,
    ],
    ['# HELP a x\n# TYPE a gauge\na 1', /line feed/],
  ] as const;
  for (const [text, fault] of wrong) expect(parseExposition(text).faults.join()).toMatch(fault);
});

test('the page names every metric that there is, the alerts and the dashboard no other', async () => {
  const { scrape } = await busy();
  await scrape();
  const { families } = parseExposition(await scrape());
  const namesIn = (text: string): string[] => [
    ...new Set([...text.matchAll(/\b(?:unstuck|process)_[a-z_]*[a-z]\b/g)].map(([name]) => name)),
  ];
  const page = namesIn(await readFile('docs/metrics.md', 'utf8'));
  expect(page.toSorted()).toEqual([...families.keys()].toSorted());
  for (const file of ['alerts.yml', 'grafana.json']) {
    const used = namesIn(await readFile(`docs/monitoring/${file}`, 'utf8'));
    expect(used.filter((name) => !families.has(name.replace(/_bucket$/, '')))).toEqual([]);
  }
});

test('the values are those of the installation and of this process', async () => {
  const { scrape } = await busy();
  const { samples } = parseExposition(await scrape());
  const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
    valueOf(samples, name, labels);
  expect(value('unstuck_database_up')).toBe(1);
  expect(value('unstuck_jobs', { type: 'nobody', state: 'queued' })).toBe(1);
  expect(value('unstuck_jobs_waiting', { type: 'nobody', waits_for: 'hold' })).toBe(1);
  expect(value('unstuck_jobs_stuck')).toBe(0);
  expect(value('unstuck_workers', { state: 'live', version: '0.1.0' })).toBe(1);
  expect(value('unstuck_pool_reserved', { pool: 'pool' })).toBe(1);
  expect(value('unstuck_pool_capacity', { pool: 'a "pool"\\' })).toBe(3);
  expect(value('unstuck_limit_running_max', { limit: 'calls' })).toBe(2);
  expect(value('unstuck_limit_starts_per_second_max', { limit: 'calls' })).toBe(10);
  expect(value('unstuck_schedule_runs_total', { schedule: 'daily' })).toBe(0);
  expect(value('unstuck_bridge_messages', { bridge: 'orders', list: 'waiting' })).toBe(7);
  expect(value('unstuck_bridge_growth_per_minute', { bridge: 'orders', list: 'waiting' })).toBe(3);
  expect(
    value('unstuck_bridge_oldest_age_seconds', { bridge: 'orders', list: 'waiting' }),
  ).toBeGreaterThanOrEqual(60);
  expect(value('unstuck_bridge_up', { bridge: 'orders' })).toBe(1);
  expect(
    value('unstuck_schedule_next_run_timestamp_seconds', { schedule: 'daily' }),
  ).toBeGreaterThan(1e9);
  expect(value('unstuck_queue_paused', { queue: 'main' })).toBe(0);
  expect(value('unstuck_enqueued_total', { type: 'good' })).toBe(2);
  expect(value('unstuck_finished_total', { type: 'good', state: 'completed' })).toBe(2);
  expect(value('unstuck_finished_total', { type: 'bad', state: 'failed' })).toBe(1);
  expect(value('unstuck_attempts_total', { type: 'bad', outcome: 'failed' })).toBe(1);
  expect(value('unstuck_run_duration_seconds_count', { type: 'good' })).toBe(2);
  expect(value('unstuck_queue_wait_seconds_bucket', { type: 'good', le: '+Inf' })).toBe(2);
  expect(
    value('unstuck_http_request_duration_seconds_count', {
      route: 'getJob',
      method: 'GET',
      status: '422',
    }),
  ).toBe(1);
});

test('a job past its deadline counts as late, as stuck or as found', async () => {
  const { unstuck, scrape, moveClock } = await handled();
  await unstuck.enqueue('nobody', {});
  await moveClock('1 hour');
  await unstuck.stuck();
  const { samples } = parseExposition(await scrape());
  expect(valueOf(samples, 'unstuck_jobs_late')).toBe(1);
  expect(valueOf(samples, 'unstuck_jobs_stuck')).toBe(0);
  expect(valueOf(samples, 'unstuck_findings', { kind: 'queued' })).toBe(1);
  expect(valueOf(samples, 'unstuck_finding_overdue_seconds', { kind: 'queued' })).toBeGreaterThan(
    3_200,
  );
});

test('twenty scrapes ask the database once', async () => {
  const { scrape } = await handled();
  const ran = vi.spyOn(Database.prototype, 'run');
  onTestFinished(() => ran.mockRestore());
  await Promise.all(Array.from({ length: 20 }, () => scrape()));
  expect(ran.mock.calls.filter(([{ name }]) => name === 'count-live')).toHaveLength(1);
});

test('more than 200 pools become one that is called _other', async () => {
  const { query, scrape } = await handled();
  await query(
    `insert into unstuck.pools (key, capacity, created_at, updated_at) select 'p' || n, 2, now(), now() from generate_series(1, 300) n`,
  );
  const { samples, faults } = parseExposition(await scrape());
  expect(faults).toEqual([]);
  const pools = samples.filter(({ name }) => name === 'unstuck_pool_capacity');
  expect(pools).toHaveLength(201);
  expect(valueOf(samples, 'unstuck_pool_capacity', { pool: '_other' })).toBe(200);
});

test('without its database a process tells of itself all the same', async () => {
  const { unstuck, scrape } = await handled();
  const { apiViewOf } = await import('../../src/unstuck.ts');
  apiViewOf(unstuck).status = () => Promise.reject(new Error('away'));
  const { samples, faults } = parseExposition(await scrape());
  expect(faults).toEqual([]);
  expect(valueOf(samples, 'unstuck_database_up')).toBe(0);
  expect(samples.some(({ name }) => name === 'unstuck_build_info')).toBe(true);
  expect(samples.some(({ name }) => name === 'unstuck_jobs_stuck')).toBe(false);
});

test('with a token the metrics are not open', async () => {
  const { unstuck } = await setup();
  const handle = createHandler(unstuck, { token: 'correct-horse-battery' });
  expect((await handle(new Request('http://localhost/metrics'))).status).toBe(401);
  const headers = { authorization: 'Bearer correct-horse-battery' };
  expect((await handle(new Request('http://localhost/metrics', { headers }))).status).toBe(200);
});

test('neither enqueuing nor working loads prom-client, pino or hono', () => {
  const program = `
    import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) {
      if (/^(?:prom-client|pino|hono)/.test(name)) throw new Error('loaded ' + name);
      return next(name, context);
    } });
    const { Unstuck } = await import('unstuck');
    console.log(typeof Unstuck.connect);`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=unstuck-source', '--input-type=module', '-e', program],
    { encoding: 'utf8' },
  );
  expect({ stdout, stderr }).toEqual({ stdout: 'function\n', stderr: '' });
});
