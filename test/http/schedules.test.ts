// The laws of schedules over HTTP.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { setup } from '../support/unstuck.ts';
import { asking } from './support/asking.ts';

const report = defineJob({
  type: 'report',
  input: z.strictObject({ to: z.string() }),
  run: () => 'sent',
});
const nightly = { type: 'report', input: { to: 'ada' }, cron: '30 2 * * *' };

test('a schedule is set, shown, listed and deleted; names inside its input are left alone', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  const input = { someThing: { innerThing: 1 } };
  const body = {
    type: 'free',
    input,
    every: '15m',
    anchor: '2026-01-01T00:00:00+01:00',
    missed: 'all',
    missed_max: 7,
    overlap: 'allow',
    priority: 3,
    tags: ['a'],
    claim_within: '1h',
  };
  const shown = { name: 'often', ...body, every: 900_000, claim_within: 3_600_000, paused: null };
  const stored = { ...shown, anchor: '2025-12-31T23:00:00.000Z' };
  expect(await ask('PUT /v1/schedules/often', body)).toMatchObject({ status: 200, body: stored });
  expect(await ask('GET /v1/schedules/often')).toMatchObject({ status: 200, body: stored });
  expect(await ask('GET /v1/schedules')).toMatchObject({
    body: { data: [stored], next_cursor: null },
  });
  expect(await ask('DELETE /v1/schedules/often?reason=over')).toMatchObject({ status: 204 });
  for (const gone of ['GET', 'DELETE'])
    expect(await ask(`${gone} /v1/schedules/often`)).toMatchObject({
      status: 404,
      body: { code: 'SCHEDULE_NOT_FOUND' },
    });
});

test('what a second PUT leaves out gets its default', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  await ask('PUT /v1/schedules/s', { ...nightly, overlap: 'allow', priority: 5 });
  expect(await ask('PUT /v1/schedules/s', nightly)).toMatchObject({
    body: { overlap: 'skip', priority: 0 },
  });
});

test('an input is checked against the schema of a type that the handler knows', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck, { jobs: [report] });
  expect(await ask('PUT /v1/schedules/s', nightly)).toMatchObject({ status: 200 });
  const wrong = await ask('PUT /v1/schedules/other', { ...nightly, input: { too: 1 } });
  expect(wrong).toMatchObject({ status: 422, body: { code: 'INPUT_INVALID' } });
  expect(await unstuck.schedules.list()).toHaveLength(1);
});

test('a schedule is paused, resumed and run by hand, by whom and why', async () => {
  const { unstuck, query } = await setup({ sweep: false });
  const ask = asking(unstuck);
  await ask('PUT /v1/schedules/s', nightly);
  expect(await ask('POST /v1/schedules/s/pause', { reason: 'month end' })).toMatchObject({
    body: { paused: { by: 'http', reason: 'month end', until: null } },
  });
  const run = await ask('POST /v1/schedules/s/run', { reason: 'by hand' });
  expect(run).toMatchObject({
    status: 201,
    body: { created: true, enqueued: 'created', notice: null },
  });
  expect(run.headers.get('location')).toBe(`/v1/jobs/${run.body.id}`);
  expect(await ask('POST /v1/schedules/s/run', {})).toMatchObject({
    status: 200,
    body: { id: run.body.id, created: false, enqueued: 'key-live' },
  });
  expect(await ask('POST /v1/schedules/s/resume', { reason: 'go' })).toMatchObject({
    body: { paused: null },
  });
  expect(
    await query(
      `select kind, by, reason from unstuck.events where kind like 'schedule-%' order by at, kind`,
    ),
  ).toEqual([
    { kind: 'schedule-paused', by: 'http', reason: 'month end' },
    { kind: 'schedule-run', by: 'http', reason: 'by hand' },
    { kind: 'schedule-resumed', by: 'http', reason: 'go' },
  ]);
});

test('a preview of a rule and of a stored schedule names daylight saving, and stores nothing', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  const from = '2026-03-28T12:00:00Z';
  const rule = { cron: '30 2 * * *', timezone: 'Europe/Berlin' };
  const times = {
    data: [
      { at: '2026-03-29T01:00:00.000Z', local: '2026-03-29T03:00:00+02:00', note: 'gap' },
      { at: '2026-03-30T00:30:00.000Z', local: '2026-03-30T02:30:00+02:00', note: null },
    ],
    next_cursor: null,
  };
  const preview = await ask('POST /v1/schedule-previews', { ...rule, from, count: 2 });
  expect(preview).toMatchObject({ status: 200, body: times });
  expect(await unstuck.schedules.list()).toEqual([]);
  await ask('PUT /v1/schedules/s', { ...nightly, ...rule });
  expect(await ask('POST /v1/schedule-previews', { schedule: 's', from, count: 2 })).toMatchObject({
    body: times,
  });
});

test('a preview that goes on for thousands of years is told', async () => {
  const { unstuck } = await setup({ sweep: false });
  const asked = { every: '3650d', count: 100, from: '9999-12-31T00:00:00Z' };
  expect(await asking(unstuck)('POST /v1/schedule-previews', asked)).toMatchObject({ status: 200 });
});

const REFUSED: readonly [string, unknown, number, string][] = [
  ['PUT /v1/schedules/s', { ...nightly, cron: '0 0 30 2 *' }, 422, 'SCHEDULE_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, cron: '0 0 1--100000000 * *' }, 422, 'SCHEDULE_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, every: '1h' }, 422, 'SCHEDULE_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, timezone: 'Mars/Base\0' }, 422, 'SCHEDULE_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, missedMax: 1 }, 422, 'REQUEST_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, priority: 1e6 }, 422, 'PRIORITY_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, tags: [''] }, 422, 'KEY_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, input: 'a\0b' }, 422, 'INPUT_UNSTORABLE'],
  ['PUT /v1/schedules/s', { ...nightly, claim_within: 'soon' }, 422, 'TIME_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, type: 'a b' }, 422, 'JOB_TYPE_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, slot: 'a b' }, 422, 'POOL_INVALID'],
  ['PUT /v1/schedules/s', { ...nightly, limit: 'a b' }, 422, 'LIMIT_INVALID'],
  ['PUT /v1/schedules/a%20b', nightly, 422, 'SCHEDULE_INVALID'],
  ['POST /v1/schedules/none/pause', {}, 404, 'SCHEDULE_NOT_FOUND'],
  ['POST /v1/schedules/none/resume', {}, 404, 'SCHEDULE_NOT_FOUND'],
  ['POST /v1/schedules/none/run', {}, 404, 'SCHEDULE_NOT_FOUND'],
  ['POST /v1/schedule-previews', {}, 422, 'SCHEDULE_INVALID'],
  ['POST /v1/schedule-previews', { schedule: 'none' }, 404, 'SCHEDULE_NOT_FOUND'],
  ['POST /v1/schedule-previews', { schedule: 'a\0b' }, 422, 'REQUEST_INVALID'],
  ['POST /v1/schedule-previews', { schedule: 's', cron: '* * * * *' }, 422, 'REQUEST_INVALID'],
  ['POST /v1/schedule-previews', { cron: '* * * * *', count: 101 }, 422, 'REQUEST_INVALID'],
];

test('what cannot be is told by its code, and nothing is stored', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  for (const [request, body, status, code] of REFUSED)
    expect(await ask(request, body), `${request} ${JSON.stringify(body)}`).toMatchObject({
      status,
      body: { code },
    });
  expect(await unstuck.schedules.list()).toEqual([]);
});
