// The laws of the commands that change many jobs: they ask first, say what they did to which, and end with a code that tells.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { Unstuck } from '../../src/unstuck.ts';
import { registerWorker, runningJobs } from '../chaos/sessions.ts';
import { connect } from '../chaos/setup.ts';
import { freshDatabase } from '../support/database.ts';
import { type Ended, run } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

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

async function enqueue(count: number): Promise<string[]> {
  const items = Array.from({ length: count }, (_, input) => ({ input, tags: [`t${input}`] }));
  return (await unstuck.enqueueMany('mail', items)).map(({ id }) => id);
}

describe('bulk', () => {
  test('where nobody can be asked it does nothing without --yes', async () => {
    await enqueue(2);
    const ended = await command('bulk', 'delete', '--type', 'mail', '--reason', 'old');
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('--yes');
    expect((await unstuck.count()).count).toBe(2);
  });

  test.each([
    [['bulk', 'delete', '--type', 'mail', '--yes'], '--reason'],
    [['bulk', 'delete', '--reason', 'x', '--yes'], 'filter'],
    [['bulk', 'cancel', '--reason', 'x', '--yes', '--ids', 'seven'], 'JOB_ID_INVALID'],
    [['bulk', 'cancel', '--reason', 'x', '--yes', '--state', 'done'], 'done'],
    [['bulk', 'cancel', '--reason', 'x', '--yes', '--created-after', '2027-01-01'], 'TIME_INVALID'],
    [
      ['bulk', 'retry', '--reason', 'x', '--yes', '--tag', 'a', '--input', '{nonsense'],
      'REQUEST_INVALID',
    ],
    [['reset-stuck', '--timeout-minutes', 'x'], 'number'],
  ])('a wrong value ends with 2: %j', async (args, text) => {
    await enqueue(1);
    const ended = await command(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(text);
    expect((await unstuck.count({ state: 'queued' })).count).toBe(1);
  });

  test('a dry run says what would be done; --yes does it in the name of the user, and audit list tells', async () => {
    const [first = ''] = await enqueue(2);
    const ids = (await unstuck.list()).jobs.map(({ id }) => id).toSorted();
    const dry = await command('bulk', 'cancel', '--type', 'mail', '--reason', 'old', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toBe(`would\t${ids.join('\nwould\t')}\ndry-run\tcancel\t2\t0\t0\t-\n`);
    const done = await command(
      'bulk',
      'cancel',
      '--tag',
      't0',
      '--reason',
      'old',
      '--yes',
      '-o',
      'json',
    );
    expect(done.code).toBe(0);
    const result = JSON.parse(done.stdout);
    expect(result).toMatchObject({
      action: 'cancel',
      dry_run: false,
      matched: 1,
      done: 1,
      refused_count: 0,
    });
    expect(await unstuck.get(first)).toMatchObject({ state: 'cancelled', reason: 'old' });
    const audit = await command('audit', 'list');
    expect(audit.stdout).toMatch(
      new RegExp(`^${result.audit_id}\t[^\t]+\tcli[^\t]*\tcancel\t1\told\n$`),
    );
    const entries = JSON.parse((await command('audit', 'list', '-o', 'json')).stdout).entries;
    expect(entries).toMatchObject([{ action: 'cancel', reason: 'old', detail: { done: 1 } }]);
  });

  test('when some are refused it names them and ends with 5', async () => {
    const [first = '', second = ''] = await enqueue(2);
    await unstuck.cancel(first);
    const ended = await command(
      'bulk',
      'retry',
      '--ids',
      first,
      second,
      '--reason',
      'x',
      '--yes',
      '--input',
      '"new"',
    );
    expect(ended.code).toBe(5);
    expect(ended.stdout).toContain(`refused\t${second}\tJOB_STATE_CONFLICT\t`);
    expect(await unstuck.get(first)).toMatchObject({ state: 'queued', input: 'new' });
    expect(await unstuck.get(second)).toMatchObject({ input: 1 });
  });
});

test('job list takes every filter', async () => {
  const [first = ''] = await enqueue(3);
  await unstuck.cancel(first, { reason: 'x' });
  const list = async (...args: string[]): Promise<string[]> =>
    JSON.parse((await command('job', 'list', ...args, '-o', 'json')).stdout).jobs.map(
      ({ id }: { id: string }) => id,
    );
  expect(await list('--state', 'cancelled', 'failed')).toEqual([first]);
  expect(await list('--tag', 't0', '--finished-after', '2020-01-01T00:00:00Z')).toEqual([first]);
  expect(await list('--created-before', '2020-01-01T00:00:00+02:00')).toEqual([]);
  expect(await list('--state', 'queued', '--state', 'running')).toHaveLength(2);
  expect(await list('--queue', 'none')).toEqual([]);
  expect(await list('--error-code', 'NONE')).toEqual([]);
});

test('job retry --input runs a job with another input', async () => {
  const [id = ''] = await enqueue(1);
  await unstuck.cancel(id);
  expect(await command('job', 'retry', id, '--input', '{"a":1}')).toMatchObject({ code: 0 });
  expect(await unstuck.get(id)).toMatchObject({ state: 'queued', input: { a: 1 } });
});

test('S3.3: reset-stuck answers with exactly success, reset_count, job_ids and message', async () => {
  const client = await connect(url);
  const [id = ''] = await runningJobs(client, await registerWorker(client, 'live'));
  const none = await command('reset-stuck', '--timeout-minutes', '1000000', '-o', 'json');
  expect(JSON.parse(none.stdout)).toEqual({
    success: true,
    reset_count: 0,
    job_ids: [],
    message: 'No job has been running for longer than 1000000 minutes; nothing was reset.',
  });
  const ended = await command('reset-stuck', '-o', 'json');
  expect(ended.code).toBe(0);
  expect(JSON.parse(ended.stdout)).toEqual({
    success: true,
    reset_count: 1,
    job_ids: [id],
    message: 'Reset 1 job that had been running for longer than 30 minutes.',
  });
  expect((await unstuck.audit.list()).entries).toMatchObject([
    { by: expect.stringContaining('cli') },
  ]);
});
