// The laws of pools and limits over HTTP.
import { expect, test } from 'vitest';
import { setup } from '../support/unstuck.ts';
import { asking, everyPage } from './support/asking.ts';

test('a pool is made, changed, shown, listed and deleted; its key may hold a slash', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  const path = '/v1/pools/publisher%2F7';
  const made = { key: 'publisher/7', capacity: 2, reserved: 0, waiting: 0, oldest: null };
  expect(await ask(`PUT ${path}`, { capacity: 2 })).toMatchObject({ status: 200, body: made });
  const { id } = await unstuck.enqueue('t', 1, { slot: 'publisher/7' });
  expect(await ask(`GET ${path}`)).toMatchObject({
    status: 200,
    body: { reserved: 1, oldest: { id, type: 't', state: 'queued' } },
  });
  expect(await ask(`DELETE ${path}`)).toMatchObject({ status: 409, body: { code: 'POOL_IN_USE' } });
  await unstuck.cancel(id);
  expect(await ask(`DELETE ${path}`)).toMatchObject({ status: 204 });
  for (const gone of ['GET', 'DELETE'])
    expect(await ask(`${gone} ${path}`)).toMatchObject({
      status: 404,
      body: { code: 'POOL_UNKNOWN' },
    });
});

test('pools come page by page, each once; a cursor of another list is refused', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  for (const key of ['a', 'check', 'repair', 'é']) await unstuck.pools.set(key, { capacity: 1 });
  const first = await ask('GET /v1/pools?limit=2');
  expect(first.body.data).toMatchObject([{ key: 'a' }, { key: 'check' }]);
  const cursor = first.body.next_cursor;
  const second = await ask(`GET /v1/pools?limit=2&cursor=${cursor}`);
  expect(second.body).toMatchObject({ data: [{ key: 'repair' }, { key: 'é' }], next_cursor: null });
  expect(await ask(`GET /v1/limits?cursor=${cursor}`)).toMatchObject({ status: 422 });
  expect(await ask('GET /v1/pools/check')).toMatchObject({ body: { key: 'check' } });
});

test('what a hand has broken is told, and repaired', async () => {
  const { unstuck, query } = await setup({ sweep: false });
  const ask = asking(unstuck);
  await unstuck.pools.set('p', { capacity: 1 });
  await unstuck.enqueue('t', 1, { slot: 'p' });
  expect(await ask('GET /v1/pool-problems')).toMatchObject({
    body: { data: [], next_cursor: null },
  });
  await query(`delete from unstuck.pools`);
  const problem = { key: 'p', problem: 'missing', capacity: null, reserved: 1 };
  expect(await ask('GET /v1/pool-problems')).toMatchObject({ body: { data: [problem] } });
  expect(await ask('POST /v1/pool-repairs')).toMatchObject({
    body: { data: [{ ...problem, repaired: expect.stringContaining('made again') }] },
  });
  expect(await ask('GET /v1/pool-problems')).toMatchObject({ body: { data: [] } });
});

test('a limit is set by whoever asks, shown with its keys, and deleted', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  const amounts = { running: 1, rate: { count: 5, per: '1m' } };
  expect(await ask('PUT /v1/limits/api', amounts)).toMatchObject({
    status: 200,
    body: { name: 'api', running: 1, rate: { count: 5, per_ms: 60_000 }, set_by: 'http' },
  });
  await unstuck.enqueue('t', 1, { limit: { name: 'api', key: 'x' } });
  await unstuck.enqueue('t', 2, { limit: { name: 'api', key: 'x' } });
  const counted = await ask('GET /v1/limits/api/keys');
  expect(counted.body).toMatchObject({ data: [{ key: 'api#x' }], next_cursor: null });
  for (const name of ['a', 'b', 'z']) await unstuck.limits.set(name, { running: 1 });
  const limits = await everyPage(ask, '/v1/limits', 1);
  expect(limits.map(({ name }) => name)).toEqual(['a', 'api', 'b', 'z']);
  expect(await ask('DELETE /v1/limits/api')).toMatchObject({ body: { code: 'LIMIT_IN_USE' } });
  for (const { id } of (await unstuck.list()).jobs) await unstuck.cancel(id);
  expect(await ask('DELETE /v1/limits/api')).toMatchObject({ status: 204 });
  for (const gone of ['GET /v1/limits/api', 'GET /v1/limits/api/keys', 'DELETE /v1/limits/api'])
    expect(await ask(gone)).toMatchObject({ status: 404, body: { code: 'LIMIT_UNKNOWN' } });
});

const REFUSED: readonly [string, unknown, string][] = [
  ['PUT /v1/pools/p', { capacity: -1 }, 'POOL_INVALID'],
  ['PUT /v1/pools/p', { capacity: 1.5 }, 'POOL_INVALID'],
  ['PUT /v1/pools/p', { capacity: '2' }, 'REQUEST_INVALID'],
  ['PUT /v1/pools/p', {}, 'REQUEST_INVALID'],
  ['PUT /v1/pools/a%20b', { capacity: 1 }, 'POOL_INVALID'],
  ['PUT /v1/pools/a%00b', { capacity: 1 }, 'REQUEST_INVALID'],
  ['PUT /v1/limits/l', {}, 'LIMIT_INVALID'],
  ['PUT /v1/limits/l', { running: 0 }, 'LIMIT_INVALID'],
  ['PUT /v1/limits/l', { rate: { count: 1, per: 'soon' } }, 'LIMIT_INVALID'],
  ['PUT /v1/limits/l', { rate: { count: 1 } }, 'REQUEST_INVALID'],
  ['PUT /v1/limits/type%3Aa%00b', { running: 1 }, 'REQUEST_INVALID'],
];

test('what cannot be is 422 with its code, and nothing is set', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  for (const [request, body, code] of REFUSED)
    expect(await ask(request, body), `${request} ${JSON.stringify(body)}`).toMatchObject({
      status: 422,
      body: { code },
    });
  expect([await unstuck.pools.list(), await unstuck.limits.list()]).toEqual([[], []]);
});
