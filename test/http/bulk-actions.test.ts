// The laws of bulk actions over HTTP: what is answered at once, what goes on behind it, and who may delete.
import { expect, test } from 'vitest';
import { bulkActionRoutes } from '../../src/http/routes/bulk-actions.ts';
import { eventually } from '../support/unstuck.ts';
import { httpSetup } from './support/client.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';
const FILTER = { type: 'mail', state: ['queued', 'pending'] };

async function withJobs(count: number): Promise<Awaited<ReturnType<typeof httpSetup>>> {
  const all = await httpSetup();
  await all.unstuck.enqueueMany(
    'mail',
    Array.from({ length: count }, (_, n) => ({ input: n })),
  );
  return all;
}

test('a change is answered with 202 and where it is, and read until it is done', async () => {
  const { ask, unstuck } = await withJobs(30);
  const { status, headers, body } = await ask('POST /v1/bulk-actions', {
    action: 'cancel',
    filter: { ...FILTER, created_before: '2100-01-01T00:00:00Z' },
    reason: 'wrong',
    expected_count: 30,
  });
  expect(status).toBe(202);
  expect(headers.get('location')).toBe(`/v1/bulk-actions/${body.id}`);
  expect(body).toMatchObject({ state: 'running', matched: 30, by: 'http', reason: 'wrong' });
  const done = await eventually(async () => {
    const now = await ask(`GET /v1/bulk-actions/${body.id}`);
    return now.body.state === 'done' && now.body;
  }, 'it is done');
  expect(done).toEqual({
    id: body.id,
    action: 'cancel',
    state: 'done',
    matched: 30,
    done: 30,
    refused_count: 0,
    refused_by: {},
    refused: [],
    by: 'http',
    reason: 'wrong',
    at: body.at,
    selection: { filter: { ...FILTER, created_before: '2100-01-01T00:00:00.000Z' } },
    error: null,
  });
  expect(await unstuck.count({ state: 'cancelled' })).toMatchObject({ count: 30 });
  expect(await ask(`POST /v1/bulk-actions/${body.id}/abort`)).toMatchObject({
    status: 409,
    body: { code: 'BULK_ACTION_ENDED' },
  });
});

test('a dry run is answered at once, and changes nothing', async () => {
  const { ask, unstuck } = await withJobs(30);
  const { id } = await unstuck.enqueue('mail', 1);
  await unstuck.cancel(id);
  const { status, body } = await ask('POST /v1/bulk-actions', {
    action: 'cancel',
    filter: { type: 'mail' },
    dry_run: true,
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    dry_run: true,
    matched: 31,
    refused_count: 1,
    refused: [{ id, state: 'cancelled', code: 'JOB_STATE_CONFLICT' }],
    complete: true,
  });
  expect(body.ids).toHaveLength(20);
  expect(await unstuck.count({ state: 'queued' })).toMatchObject({ count: 30 });
  expect((await ask('GET /v1/bulk-actions')).body).toEqual({ data: [], next_cursor: null });
});

test('nothing is begun when it is not clear what is meant', async () => {
  const { ask, unstuck } = await withJobs(10);
  const ids = [NOBODY];
  const bad: [object, number, string][] = [
    [{ action: 'cancel' }, 422, 'REQUEST_INVALID'],
    [{ action: 'cancel', ids, filter: FILTER }, 422, 'REQUEST_INVALID'],
    [{ action: 'cancel', filter: {} }, 422, 'REQUEST_INVALID'],
    [{ action: 'cancel', filter: { late: false } }, 422, 'REQUEST_INVALID'],
    [{ action: 'cancel', ids: [] }, 422, 'REQUEST_INVALID'],
    [{ action: 'cancel', ids: ['7'] }, 422, 'JOB_ID_INVALID'],
    [{ action: 'cancel', filter: { typ: 'mail' } }, 422, 'REQUEST_INVALID'],
    [{ action: 'pause', filter: FILTER }, 422, 'REQUEST_INVALID'],
    [{ action: 'cancel', filter: FILTER, input: 1 }, 422, 'OPTION_UNKNOWN'],
    [{ action: 'retry', filter: FILTER, input: '\0' }, 422, 'INPUT_UNSTORABLE'],
    [{ action: 'cancel', filter: FILTER, expected_count: 12 }, 409, 'COUNT_MISMATCH'],
  ];
  for (const [body, status, code] of bad)
    expect(await ask('POST /v1/bulk-actions', body), JSON.stringify(body)).toMatchObject({
      status,
      body: { code },
    });
  expect((await unstuck.audit.list()).entries).toEqual([]);
  expect(await ask(`GET /v1/bulk-actions/${NOBODY}`)).toMatchObject({
    status: 404,
    body: { code: 'BULK_ACTION_UNKNOWN' },
  });
  expect(await ask(`POST /v1/bulk-actions/${NOBODY}/abort`)).toMatchObject({ status: 404 });
  expect(await ask('GET /v1/bulk-actions/7')).toMatchObject({ body: { code: 'JOB_ID_INVALID' } });
});

test('S3.4: jobs are deleted in bulk but running ones, by whoever has the scope admin', async () => {
  const { ask, unstuck } = await withJobs(5);
  const start = bulkActionRoutes.find(({ id }) => id === 'startBulkAction');
  const principal = { name: 'bob', scopes: ['write'], via: 'token' };
  const body = { action: 'delete', filter: FILTER };
  await expect(start?.handle({ principal, body } as never)).rejects.toMatchObject({
    code: 'SCOPE_MISSING',
    detail: { missing_scope: 'admin' },
  });
  await ask('POST /v1/bulk-actions', body);
  await eventually(async () => (await unstuck.count()).count === 0, 'they are gone');
});

test('changes are listed by pages', async () => {
  const { ask } = await withJobs(1);
  const made: string[] = [];
  for (let n = 0; n < 3; n += 1)
    made.unshift((await ask('POST /v1/bulk-actions', { action: 'retry', ids: [NOBODY] })).body.id);
  const first = (await ask('GET /v1/bulk-actions?limit=2')).body;
  expect(first.data.map(({ id }) => id)).toEqual(made.slice(0, 2));
  const rest = (await ask(`GET /v1/bulk-actions?limit=2&cursor=${first.next_cursor}`)).body;
  expect(rest.data.map(({ id }) => id)).toEqual(made.slice(2));
  expect(rest.next_cursor).toBeNull();
});
