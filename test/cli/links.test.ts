// The laws of the commands about pools, limits, queues and executions: what they print, and the exit code that says how they ended.
import { userInfo } from 'node:os';
import { Client } from 'pg';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { defineQueue } from '../../src/domain/define-queue.ts';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from '../support/database.ts';
import { eventually, job } from '../support/unstuck.ts';
import { type Ended, run } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

const ME = `cli:${userInfo().username}`;
const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';

let url: string;
let unstuck: Unstuck;

beforeEach(async () => {
  const database = await freshDatabase();
  url = database.url;
  unstuck = await Unstuck.connect({ database: url, logLevel: 'silent' });
  return async () => {
    await unstuck.close();
    await database.drop();
  };
});

function command(...args: string[]): Promise<Ended> {
  return run(args, { env: { UNSTUCK_DATABASE_URL: url } });
}

async function json(...args: string[]): Promise<unknown> {
  const ended = await command(...args, '-o', 'json');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout);
}

describe('pool', () => {
  test('set makes a pool, list and show tell who holds its slots, delete refuses while somebody does', async () => {
    expect(await json('pool', 'set', 'press:1', '--capacity', '1')).toMatchObject({
      key: 'press:1',
      capacity: 1,
      reserved: 0,
    });
    await unstuck.pools.set('press:2', { capacity: 2 });
    const taken = await command('enqueue', 'post', '--slot', 'press:1');
    const id = taken.stdout.split('\t')[0] as string;
    expect(await command('enqueue', 'post', '--slot', 'press:1')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('SLOTS_EXHAUSTED'),
    });
    const waits = await command('enqueue', 'post', '--slot', 'press:1', '--when-full', 'wait');
    expect(waits.stdout).toContain('created');
    const page = await command('pool', 'list', '--limit', '1');
    expect(page.stdout.split('\t').slice(0, 5)).toEqual(['press:1', '1', '1', '1', '0']);
    expect(page.stderr).toContain('--after press:1');
    expect(await json('pool', 'show', 'press:1')).toMatchObject({ oldest: { id, type: 'post' } });
    expect(await command('pool', 'delete', 'press:1')).toMatchObject({ code: 5 });
    const deleted = await command('pool', 'delete', 'press:2');
    expect(deleted).toMatchObject({ code: 0, stdout: 'press:2\tdeleted\n' });
    expect(await command('pool', 'show', 'press:2')).toMatchObject({ code: 3 });
    expect((await command('job', 'show', id)).stdout).toContain('\npool\tpress:1\n');
  });

  test('S0.7: check ends with 8 while rows do not fit together, repair mends them and says what it did', async () => {
    await unstuck.pools.set('p', { capacity: 0 });
    await unstuck.enqueue('post', {}, { slot: 'p', whenFull: 'wait' });
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query('update unstuck.pools set capacity = 3');
    await client.end();
    expect(await command('pool', 'check')).toMatchObject({
      code: 8,
      stdout: 'p\troom\t3\t0\t1\t-\n',
    });
    expect(await json('pool', 'repair')).toMatchObject({
      problems: [{ key: 'p', problem: 'room', repaired: 'waiting jobs were let in' }],
    });
    expect(await command('pool', 'check')).toMatchObject({ code: 0, stdout: '' });
  });
});

describe('limit', () => {
  test('set keeps what a person says, in his name; show tells who counts at each key', async () => {
    expect(await json('limit', 'set', 'api', '--running', '1', '--rate', '10/1m')).toMatchObject({
      name: 'api',
      running: 1,
      rate: { count: 10, per_ms: 60_000 },
      set_by: ME,
    });
    const stored = await command('enqueue', 'call', '--limit', 'api#acme');
    const id = stored.stdout.split('\t')[0] as string;
    await eventually(async () => (await unstuck.get(id))?.state === 'queued', 'it is let in');
    await unstuck.enqueue('call', {}, { limit: { name: 'api', key: 'acme' } });
    expect((await command('limit', 'show', 'api')).stdout).toMatch(
      /^limit\tapi\nrunning\t1\nrate\t10\/60000ms\nset by\t.+\nupdated\t.+\nkey\tapi#acme\t0\t1\t1\n$/,
    );
    expect(await json('limit', 'list')).toMatchObject({ limits: [{ name: 'api' }] });
    expect(await command('limit', 'delete', 'nothing')).toMatchObject({ code: 3 });
    expect(await command('limit', 'set', 'api', '--rate', '10')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LIMIT_INVALID'),
    });
  });
});

describe('queue', () => {
  const queue = defineQueue({ name: 'collection', limit: { running: 1 } });
  const collect = job('collect', () => 1, { queue });

  test('pause and resume say who, why and until when; types can be paused alone', async () => {
    await unstuck.enqueue(collect, 1);
    expect(await command('queue', 'pause', 'collection')).toMatchObject({ code: 2 });
    const until = '2126-01-01T00:00:00.000Z';
    expect(
      await json('queue', 'pause', 'collection', '--reason', 'night', '--until', until),
    ).toMatchObject({ name: 'collection', paused: { reason: 'night', by: ME, until } });
    await json('type', 'pause', 'collect', '--reason', 'broken');
    const pauses = (await command('queue', 'pauses')).stdout.split('\n');
    expect(pauses.map((line) => line.split('\t').filter((_, at) => at !== 2))).toEqual([
      ['queue', 'collection', ME, until, 'night'],
      ['type', 'collect', ME, '-', 'broken'],
      [''],
    ]);
    expect((await command('queue', 'list')).stdout).toMatch(
      /^collection\t0\t1\t0\t.+\tcollect\tsince .+ by cli:.+: night\ndefault\t/,
    );
    expect((await command('queue', 'resume', 'collection')).stdout).not.toContain('paused');
    expect(await command('type', 'resume', 'collect')).toMatchObject({
      code: 0,
      stdout: 'collect\tnot paused\n',
    });
    expect(await unstuck.queues.pauses()).toEqual([]);
    expect(await command('queue', 'show', 'nothing')).toMatchObject({ code: 3 });
  });

  test('S3.5: next answers with exactly its four fields; drain waits, at most until its timeout', async () => {
    const { id } = await unstuck.enqueue(collect, 1);
    await eventually(async () => (await unstuck.get(id))?.state === 'queued', 'it is let in');
    expect(await json('queue', 'next', 'collection')).toEqual({
      total_pending: 0,
      started: 0,
      job_ids: [],
      message: `Job ${id} is next; a worker takes it.`,
    });
    const left = await command('queue', 'drain', 'collection', '--timeout', '100ms');
    expect(left).toMatchObject({ code: 8, stderr: expect.stringContaining('WAIT_TIMEOUT') });
    await unstuck.cancel(id);
    const drained = await command('queue', 'drain', 'collection');
    expect(drained).toMatchObject({ code: 0, stdout: expect.stringContaining('queued\t0\n') });
  });
});

test('enqueue takes a key for itself, gives it a new input, or keeps it for a time', async () => {
  const first = await unstuck.enqueue('sync', { n: 1 }, { key: 'k', hold: true });
  expect(await command('enqueue', 'sync', '--key', 'k', '--when-taken', 'refuse')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('KEY_TAKEN'),
  });
  const replaced = await command(
    'enqueue',
    'sync',
    '{"n":2}',
    '--key',
    'k',
    '--when-taken',
    'replace',
  );
  expect(replaced.stdout).toBe(`${first.id}\treplaced\n`);
  expect((await unstuck.get(first.id))?.input).toEqual({ n: 2 });
  const window = ['enqueue', 'sync', '--key', 'w', '--key-window', '1h'];
  const opened = (await command(...window)).stdout.split('\t')[0] as string;
  await unstuck.cancel(opened);
  expect((await command(...window)).stdout).toBe(`${opened}\tkey-window\n`);
});

test('S4.4, S4.5: job executions counts each state and names the cells; axes and cells stay as they were given', async () => {
  const child = job('ask', ({ input }) => input);
  const parent = defineFanOut({
    type: 'matrix',
    input: z.unknown(),
    executions: {
      of: child,
      plan: () => ({ maxTokens: [1, 2], model: ['a'] }),
      input: (cell: unknown) => cell,
    },
  });
  const worker = await unstuck.work([parent]);
  const { id } = await unstuck.enqueue(parent, {});
  const unplanned = await unstuck.enqueue(parent, {}, { hold: true });
  await eventually(async () => (await unstuck.executions.get(id)) !== undefined, 'it is planned');
  await eventually(async () => (await unstuck.list({ type: 'ask' })).jobs.length === 2, 'stored');
  await worker.stop();
  const [first] = await unstuck.executions.list(id);
  const shown = await command('job', 'executions', id, '--state', 'queued', '--limit', '1');
  expect(shown.stdout).toBe(
    'count\tpending\t0\ncount\tqueued\t2\ncount\trunning\t0\ncount\tcompleted\t0\ncount\tfailed\t0\n' +
      'count\tcancelled\t0\ncount\tmissing\t0\n' +
      `execution\t0\t{"maxTokens":1,"model":"a"}\tqueued\t0\t${first?.jobId}\t\n`,
  );
  expect(shown.stderr).toContain('--after 0');
  expect(await json('job', 'executions', id, '--after', '0')).toMatchObject({
    parent_id: id,
    axes: { maxTokens: [1, 2], model: ['a'] },
    counts: { queued: 2, missing: 0 },
    executions: [
      { ordinal: 1, cell: { maxTokens: 2 }, state: 'queued', job_id: expect.any(String) },
    ],
    next: null,
  });
  const facts = (await command('job', 'show', first?.jobId ?? '')).stdout;
  expect(facts).toContain(`\nparent\t${id}\nordinal\t0\n`);
  expect(await command('job', 'executions', unplanned.id)).toMatchObject({ code: 5 });
  expect(await command('job', 'executions', NOBODY)).toMatchObject({ code: 3 });
});
