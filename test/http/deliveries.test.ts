// The laws of the routes of deliveries: whom a job tells is asked for, shown with how it stands, listed, and sent again.
import { expect, test } from 'vitest';
import { LOCAL, receiver } from '../engine/deliveries/receivers.ts';
import { eventually } from '../support/unstuck.ts';
import { type Body, httpSetup } from './support/client.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';

test('S2.9: a job says whom it tells, and when it has ended how that stands; its timeline says so too', async () => {
  const to = await receiver();
  const { ask, unstuck } = await httpSetup({ ...LOCAL, sweep: true });
  unstuck.sweep();
  const notify = [{ webhook: to.url }, { email: 'ada@example.com' }];
  const { body, status } = await ask('POST /v1/jobs', { type: 'a', input: 1, notify });
  expect(status).toBe(201);
  const address = to.url.replace(/\?.*/, '?…');
  const waiting = { state: 'waiting', attempts: 0, delivery_id: null, error: null };
  expect(body.notify).toEqual([
    { channel: 'webhook', address, ...waiting },
    { channel: 'email', address: 'ada@example.com', ...waiting },
  ]);
  const id = body.id;
  await ask(`POST /v1/jobs/${id}/cancel`, {});
  await eventually(() => to.got.length === 1, 'it is told');
  const job = await eventually(async () => {
    const found = (await ask(`GET /v1/jobs/${id}`)).body;
    return found.notify[0]?.state === 'delivered' && found;
  }, 'it is noted');
  expect(job.notify).toMatchObject([
    { channel: 'webhook', state: 'delivered', attempts: 1, error: null },
    { channel: 'email', state: 'pending' },
  ]);
  expect((await ask(`GET /v1/jobs?type=a`)).body).toMatchObject({
    data: [{ notify: [{ state: 'delivered' }, { state: 'pending' }] }],
  });
  const timeline = (await ask(`GET /v1/jobs/${id}/timeline`)).body;
  expect(timeline).toMatchObject({ data: [{ kind: 'cancelled' }, { kind: 'told' }] });
  expect(JSON.stringify([job, timeline])).not.toContain('hidden');
});

test('deliveries are listed by job, state and purpose, page by page, and read by id', async () => {
  const { ask, query } = await httpSetup({ sweep: false });
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    const notify = { webhook: `https://receiver.invalid/${n}?token=hidden` };
    const { body } = await ask('POST /v1/jobs', { type: 'a', input: n, notify });
    ids.push(body.id);
    await ask(`POST /v1/jobs/${body.id}/cancel`, {});
  }
  await query(
    `insert into unstuck.deliveries (purpose, channel, payload) values ('alert', 'ops', '{}')`,
  );
  const list = async (more: string): Promise<readonly Body[]> =>
    (await ask(`GET /v1/deliveries?${more}`)).body.data;
  expect(await list('')).toHaveLength(4);
  expect(await list('state=pending&purpose=notify')).toHaveLength(3);
  expect(await list('state=failed')).toEqual([]);
  const [mine] = await list(`job=${ids[1]}`);
  expect(mine).toMatchObject({
    job_id: ids[1],
    purpose: 'notify',
    channel: 'webhook',
    address: 'https://receiver.invalid/1?…',
    state: 'pending',
    attempts: 0,
    sending: false,
    payload: { job_id: ids[1], state: 'cancelled' },
  });
  expect((await ask(`GET /v1/deliveries/${mine?.id}`)).body).toEqual(mine);
  const first = (await ask('GET /v1/deliveries?purpose=notify&limit=2')).body;
  const cursor = String(first.next_cursor);
  const rest = (await ask(`GET /v1/deliveries?purpose=notify&limit=2&cursor=${cursor}`)).body;
  const seen = [first, rest].flatMap(({ data }) => data);
  expect(seen.map(({ job_id }) => job_id)).toEqual(ids.toReversed());
  expect(rest.next_cursor).toBeNull();
  expect((await ask(`GET /v1/deliveries?cursor=${cursor}`)).status).toBe(422);
  expect(JSON.stringify(seen)).not.toContain('hidden');
});

test('one that failed is sent again; one that did not, and one that is not there, are refused', async () => {
  const { ask, query } = await httpSetup({ sweep: false });
  const { body } = await ask('POST /v1/jobs', {
    type: 'a',
    input: 1,
    notify: { email: 'a@b.example' },
  });
  await ask(`POST /v1/jobs/${body.id}/cancel`, {});
  const [row] = await query<{ id: string }>('select id::text from unstuck.deliveries');
  const retry = `POST /v1/deliveries/${row?.id}/retry`;
  expect(await ask(retry, {})).toMatchObject({
    status: 409,
    body: { code: 'DELIVERY_STATE_CONFLICT' },
  });
  await query(`update unstuck.deliveries set state = 'failed', failed_at = now(), next_at = null`);
  expect(await ask(retry, { reason: 'again' })).toMatchObject({
    status: 200,
    body: { state: 'pending', failed_at: null },
  });
  for (const id of [NOBODY, 'nothing']) {
    const gone = { status: 404, body: { code: 'DELIVERY_NOT_FOUND' } };
    expect(await ask(`GET /v1/deliveries/${id}`)).toMatchObject(gone);
    expect(await ask(`POST /v1/deliveries/${id}/retry`, {})).toMatchObject(gone);
  }
});

test('NOTIFY_INVALID names what is wrong, alone and in a batch', async () => {
  const { ask } = await httpSetup({ sweep: false });
  const bad = { type: 'a', input: 1, notify: { webhook: 'https://ada:hunter2@a.example' } };
  const one = await ask('POST /v1/jobs', bad);
  expect(one).toMatchObject({ status: 422, body: { code: 'NOTIFY_INVALID' } });
  const good = { type: 'a', input: 1, notify: [{ email: 'a@b.example' }] };
  const batch = await ask('POST /v1/jobs/batch', { jobs: [bad, good] });
  expect(batch.body).toMatchObject({ created: 1, refused: 1 });
  expect(batch.body.data[0]?.problem?.code).toBe('NOTIFY_INVALID');
  expect(JSON.stringify([one, batch])).not.toContain('hunter2');
});
