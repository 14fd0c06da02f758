// The laws of the one-shot commands: what they print, and the exit code that says how they ended.
import { Client } from 'pg';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from '../support/database.ts';
import { type Ended, run } from './support/command.ts';
import { jobs } from './support/jobs.ts';

vi.setConfig({ testTimeout: 180_000 });

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

/** Whatever of it a command shows. */
interface Shown {
  readonly id: string;
  readonly created: boolean;
  readonly reason: string;
  readonly history: readonly { readonly kind: string }[];
  readonly jobs: readonly { readonly id: string }[];
  readonly findings: readonly object[];
}

async function json(...args: string[]): Promise<Shown> {
  const ended = await command(...args, '-o', 'json');
  expect(ended.stderr).toBe('');
  return JSON.parse(ended.stdout);
}

describe('enqueue', () => {
  test('stores a job as asked and says its id', async () => {
    const { id, created, reason } = await json(
      ...'enqueue echo --priority -5 --delay 1h --tag x --tag y --key k'.split(' '),
      '--claim-within',
      '10m',
      '{"a":"ü"}',
    );
    expect({ created, reason }).toEqual({ created: true, reason: 'created' });
    expect(await unstuck.get(id)).toMatchObject({
      state: 'pending',
      waitsFor: 'time',
      priority: -5,
      tags: ['x', 'y'],
      key: 'k',
      input: { a: 'ü' },
    });
    const again = await command('enqueue', 'echo', '--key', 'k');
    expect(again).toMatchObject({ code: 0, stdout: `${id}\tkey-live\n` });
  });

  test('reads the input from a file and from standard input', async () => {
    const env = { UNSTUCK_DATABASE_URL: url };
    const piped = await run(['enqueue', 'echo', '-'], { env, stdin: '{"from":"stdin"}' });
    const file = await command('enqueue', 'echo', '@package.json');
    const [a, b] = await Promise.all(
      [piped, file].map(({ stdout }) => unstuck.get(stdout.split('\t')[0] as string)),
    );
    expect(a?.input).toEqual({ from: 'stdin' });
    expect(b?.input).toMatchObject({ name: 'unstuck' });
  });

  test.each([
    [['enqueue', 'echo', '{nonsense'], 'REQUEST_INVALID'],
    [['enqueue', 'echo', '@/does/not/exist'], 'REQUEST_INVALID'],
    [['enqueue', 'echo', '{"n":12345678901234567890}'], 'INPUT_UNSTORABLE'],
    [['enqueue', 'no spaces'], 'JOB_TYPE_INVALID'],
    [['enqueue', 'echo', '--run-at', '2027-01-01'], 'TIME_INVALID'],
    [['enqueue', 'echo', '--delay', 'soon'], 'TIME_INVALID'],
    [['enqueue', 'echo', '--priority', '1001'], 'PRIORITY_INVALID'],
    [['job', 'show', 'seven'], 'JOB_ID_INVALID'],
    [['job', 'list', '--limit', '0'], 'REQUEST_INVALID'],
    [['status', '--schema', 'No Schema'], 'OPTION_INVALID'],
    [['status', '--database', 'mysql://me:secret@host/db'], 'DATABASE_URL_INVALID'],
    [['work', 'package.json'], 'MODULE_INVALID'],
    [['work', 'no/such/module.ts'], 'MODULE_INVALID'],
    [['work', 'test/cli/support/command.ts'], 'MODULE_INVALID'],
    [['work', 'test/cli/support/jobs.ts', '--concurrency', '0'], 'OPTION_INVALID'],
    [['work', 'test/cli/support/jobs.ts', '--name', 'a'.repeat(201)], 'OPTION_INVALID'],
  ])('a wrong value ends with 2: %j', async (args, code) => {
    const ended = await command(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/^unstuck: .+\n(?: {2}cause {2}.+\n)? {2}do {5}.+\n {2}code {3}/);
    expect(ended.stderr).toContain(code);
    expect(ended.stderr).not.toMatch(/secret|\n {4}at /);
    expect((await unstuck.list()).jobs).toEqual([]);
  });
});

describe('usage', () => {
  test.each([[['bogus']], [['status', '--bogus']], [['job', 'show']], [['-o', 'xml', 'status']]])(
    'what is not understood ends with 2: %j',
    async (args) => {
      expect(await command(...args)).toMatchObject({ code: 2, stdout: '' });
    },
  );

  test('help and version end with 0', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await run(['job', '--help'])).stdout).toContain('release');
    expect((await run(['help', 'exit-codes'])).stdout).toContain('130');
  });
});

describe('job', () => {
  test('what does not exist ends with 3, what the state does not allow with 5', async () => {
    const { id } = await unstuck.enqueue('echo', {});
    expect(await command('job', 'show', NOBODY)).toMatchObject({ code: 3 });
    expect(await command('job', 'cancel', NOBODY)).toMatchObject({ code: 3 });
    expect(await command('job', 'retry', id)).toMatchObject({ code: 5 });
    expect(await command('job', 'release', id)).toMatchObject({ code: 5 });
  });

  test('release, cancel and retry change the job in the name of the user', async () => {
    const { id } = await unstuck.enqueue('echo', {}, { hold: true });
    expect(await json('job', 'release', id)).toMatchObject({ id, state: 'queued' });
    expect(await json('job', 'cancel', id, '--reason', 'no need')).toMatchObject({
      state: 'cancelled',
      reason: 'no need',
    });
    expect(await json('job', 'retry', id)).toMatchObject({ state: 'queued', waits_for: 'worker' });
    const { history } = await json('job', 'show', id);
    expect(history.map((entry) => entry.kind)).toEqual(['released', 'cancelled', 'retried']);
    expect(history[1]).toMatchObject({ by: expect.stringContaining('cli'), reason: 'no need' });
  });

  test('list writes one line for each job, newest first, and where the next page begins', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.unshift((await unstuck.enqueue('echo', { n })).id);
    await unstuck.enqueue('other', {}, { hold: true });
    const page = await command('job', 'list', '--type', 'echo', '--limit', '2');
    expect(page.stdout.split('\n').map((line) => line.split('\t').slice(0, 4))).toEqual([
      [ids[0], 'echo', 'queued', 'worker'],
      [ids[1], 'echo', 'queued', 'worker'],
      [''],
    ]);
    expect(page.stderr).toContain(`--after ${ids[1]}`);
    const rest = await json('job', 'list', '--type', 'echo', '--after', ids[1] as string);
    expect(rest.jobs.map((job) => job.id)).toEqual([ids[2]]);
    expect((await json('job', 'list', '--state', 'pending')).jobs).toHaveLength(1);
  });
});

describe('status and stuck', () => {
  test('counts by state and type, and 0 while nothing is late', async () => {
    await unstuck.enqueue('echo', {});
    const ended = await command('status');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^jobs\techo\tqueued\t-\t1\t0\t.+\nlate\t0\nstuck\t0\n$/);
    expect(await json('status')).toMatchObject({ late: 0, stuck: 0, live: [{ type: 'echo' }] });
    expect(await command('stuck')).toMatchObject({ code: 0, stdout: '' });
  });

  test('a late job is told with its reason and what happens next, and ends with 8', async () => {
    await unstuck.enqueue('nobody-does-this', {}, { claimWithin: '100ms' });
    await moveClock('1 minute');
    expect(await command('status')).toMatchObject({ code: 8 });
    const ended = await command('stuck');
    expect(ended.code).toBe(8);
    expect(ended.stdout).toContain('no live worker handles "nobody-does-this"');
    expect(ended.stdout).toContain('start a worker');
    const { findings } = await json('stuck');
    expect(findings).toMatchObject([{ kind: 'queued', subject: 'nobody-does-this', count: 1 }]);
    // Late and explained is not stuck.
    expect(await command('status')).toMatchObject({ code: 0 });
  });
});

describe('enqueue --wait', () => {
  test('ends with 0 when the job completes, 7 when it fails, 8 when it is not finished in time', async () => {
    const worker = await unstuck.work(jobs);
    onTestFinished(() => worker.stop());
    const good = await command('enqueue', 'echo', '{"n":1}', '--wait');
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('state\tcompleted\n') });
    const bad = await command('enqueue', 'broken', '--wait', '-o', 'json');
    expect(bad.code).toBe(7);
    expect(JSON.parse(bad.stdout)).toMatchObject({ state: 'failed', error: { code: 'BROKEN' } });
    const never = await command('enqueue', 'echo', '--hold', '--wait', '--timeout', '100ms');
    expect(never).toMatchObject({ code: 8, stderr: expect.stringContaining('WAIT_TIMEOUT') });
  });
});

describe('the database', () => {
  test('an address that nobody answers ends with 6, and no password is told', async () => {
    const away = 'postgres://me:top%40secret@127.0.0.1:1/db';
    for (const args of [['status'], ['migrate'], ['enqueue', 'echo'], ['job', 'list']]) {
      const ended = await run([...args, '--database', away, '--debug']);
      expect(ended.code).toBe(6);
      expect(ended.stderr).toContain('DATABASE_UNREACHABLE');
      expect(ended.stderr).not.toContain('secret');
    }
  });

  test('a user whom the database refuses ends with 4', async () => {
    const wrong = new URL(url);
    wrong.password = 'wrong-password';
    const ended = await run(['status', '--database', wrong.href]);
    expect(ended.code).toBe(4);
    expect(ended.stderr).not.toContain('wrong-password');
  });

  test('a question never migrates; migrate does, once, and says what', async () => {
    const env = { UNSTUCK_DATABASE_URL: url, UNSTUCK_SCHEMA: 'fresh' };
    const before = await run(['status'], { env });
    expect(before).toMatchObject({ code: 1, stderr: expect.stringContaining('SCHEMA_MISSING') });
    const first = await run(['migrate', '-o', 'json'], { env });
    expect(JSON.parse(first.stdout)).toMatchObject({ schema: 'fresh' });
    expect(JSON.parse(first.stdout).applied[0]).toBe('jobs');
    expect((await run(['migrate'], { env })).stdout).toBe('');
    expect(await run(['status'], { env })).toMatchObject({ code: 0 });
  });

  test('what migrate --print writes makes a schema that works', async () => {
    const { stdout } = await run(['migrate', '--print', '--schema', 'by_hand']);
    await execute(stdout);
    const env = { UNSTUCK_DATABASE_URL: url, UNSTUCK_SCHEMA: 'by_hand' };
    expect(await run(['enqueue', 'echo'], { env })).toMatchObject({ code: 0 });
  });
});

function moveClock(by: string): Promise<void> {
  return execute(
    `create or replace function unstuck.clock() returns timestamptz language sql stable parallel safe as $$ select statement_timestamp() + interval '${by}' $$`,
  );
}

async function execute(statements: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}
