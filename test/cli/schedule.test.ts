// The laws of `unstuck schedule`: what its commands print, store and answer with their exit codes.
import { beforeEach, expect, test, vi } from 'vitest';
import { Unstuck } from '../../src/unstuck.ts';
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
  return run(['schedule', ...args], { env: { UNSTUCK_DATABASE_URL: url } });
}

async function json(...args: string[]): Promise<unknown> {
  const ended = await command(...args, '-o', 'json');
  expect(ended).toMatchObject({ stderr: '', code: 0 });
  return JSON.parse(ended.stdout);
}

test('set stores a schedule as asked, show and list say it', async () => {
  const asked = '--timezone Europe/Berlin --missed all --missed-max 5 --overlap replace';
  const settings = '--priority 7 --claim-within 10m --tag x --tag y'.split(' ');
  const set = await json(
    'set',
    'nightly',
    'report',
    '{"a":"ü"}',
    '--cron',
    '30 2 * * *',
    ...asked.split(' '),
    ...settings,
  );
  expect(set).toMatchObject({
    name: 'nightly',
    type: 'report',
    input: { a: 'ü' },
    cron: '30 2 * * *',
    timezone: 'Europe/Berlin',
    missed: 'all',
    missed_max: 5,
    overlap: 'replace',
    priority: 7,
    claim_within: 600_000,
    tags: ['x', 'y'],
    next_at: expect.stringMatching(/T0[01]:30:00\.000Z$/),
    fired_times: 0,
    paused: null,
    error: null,
  });
  expect(await unstuck.schedules.get('nightly')).toMatchObject({ name: 'nightly', missedMax: 5 });
  expect(await json('show', 'nightly')).toEqual(set);
  expect(await json('list')).toEqual({ schedules: [set] });
  const line = (await command('list')).stdout.split('\t');
  expect(line.slice(0, 3)).toEqual(['nightly', 'report', '30 2 * * * Europe/Berlin']);
  expect((await command('show', 'nightly')).stdout).toContain('rule\t30 2 * * * Europe/Berlin\n');
});

test('pause, resume, run and delete do so and say who', async () => {
  await unstuck.schedules.set('s', { type: 't', every: '1h' });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  expect(await json('pause', 's', '--until', until, '--reason', 'lunch')).toMatchObject({
    paused: { until, reason: 'lunch', by: expect.stringMatching(/^cli/) },
  });
  expect((await command('list')).stdout).toContain('lunch');
  expect(await json('resume', 's')).toMatchObject({ paused: null });
  const [id, reason] = (await command('run', 's', '--reason', 'look')).stdout.trim().split('\t');
  expect(reason).toBe('created');
  expect(await unstuck.history(id ?? '')).toMatchObject([{ kind: 'schedule-run', reason: 'look' }]);
  expect(await command('run', 's')).toMatchObject({ code: 0, stdout: `${id}\tkey-live\n` });
  expect(await command('delete', 's')).toMatchObject({ code: 0, stdout: 's\tdeleted\n' });
  expect(await unstuck.schedules.list()).toEqual([]);
});

test('preview names the next runs of a rule and of a schedule', async () => {
  const asked = ['--count', '2', '--from', '2026-03-28T12:00:00Z'];
  const rule = ['--cron', '30 2 * * *', '--timezone', 'Europe/Berlin'];
  const lines =
    '2026-03-29T01:00:00.000Z\t2026-03-29T03:00:00+02:00\tgap\n' +
    '2026-03-30T00:30:00.000Z\t2026-03-30T02:30:00+02:00\t\n';
  expect(await command('preview', ...rule, ...asked)).toMatchObject({ code: 0, stdout: lines });
  await unstuck.schedules.set('s', { type: 't', cron: '30 2 * * *', timezone: 'Europe/Berlin' });
  expect(await command('preview', 's', ...asked)).toMatchObject({ code: 0, stdout: lines });
  expect(await json('preview', 's', ...asked)).toMatchObject({
    runs: [{ at: '2026-03-29T01:00:00.000Z', note: 'gap' }, { note: null }],
  });
});

test.each([
  [['show', 'none'], 3, 'SCHEDULE_NOT_FOUND'],
  [['pause', 'none'], 3, 'SCHEDULE_NOT_FOUND'],
  [['delete', 'none'], 3, 'SCHEDULE_NOT_FOUND'],
  [['run', 'none'], 3, 'SCHEDULE_NOT_FOUND'],
  [['preview', 'none'], 3, 'SCHEDULE_NOT_FOUND'],
  [['set', 's', 't'], 2, 'SCHEDULE_INVALID'],
  [['set', 's', 't', '--cron', '0 0 30 2 *'], 2, 'SCHEDULE_INVALID'],
  [['set', 's', 't', '--every', '1m', '--overlap', 'queue'], 2, 'SCHEDULE_INVALID'],
  [['set', 's', 't', '{nonsense', '--every', '1m'], 2, 'REQUEST_INVALID'],
  [['preview'], 2, 'SCHEDULE_INVALID'],
  [['preview', 's', '--every', '1m'], 2, 'SCHEDULE_INVALID'],
  [['pause', 's', '--until', '2027-01-01'], 2, 'TIME_INVALID'],
])('what cannot be done says why: %j', async (args, code, name) => {
  const ended = await command(...args);
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toContain(name);
});
