// The laws of the live stream: one look for all viewers and none without them, nothing missed in a short absence, nobody waited for.
import { createConnection } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Principal } from '../../src/http/access/principal.ts';
import { createHandler, type HttpServer, serve } from '../../src/http/index.ts';
import { Hub } from '../../src/http/stream/hub.ts';
import { Database } from '../../src/storage/database.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';
import { type Received, reading, readStream } from './support/stream.ts';

const AGENT: Principal = { name: 'agent', scopes: ['read'], via: 'token' };
const PERSON: Principal = { name: 'somebody', scopes: ['read'], via: 'host' };
const named =
  (name: string) =>
  ({ event }: Received): boolean =>
    event === name;

async function served(): Promise<Setup & { server: HttpServer; stream: string }> {
  const all = await setup({ sweep: false });
  const server = await serve(all.unstuck, { port: 0 });
  onTestFinished(() => server.close());
  return { ...all, server, stream: `${server.url}/v1/stream` };
}

/** A hub whose clock the test moves, and that looks when the test says so. */
async function hubOf(all: Setup): Promise<{ hub: Hub; pass: (ms: number) => void }> {
  let now = 1_000;
  const hub = new Hub(all.unstuck, undefined, () => now);
  onTestFinished(() => hub.close());
  return {
    hub,
    pass: (ms) => {
      now += ms;
    },
  };
}

const watchWith = (
  hub: Hub,
  principal = PERSON,
  more: { jobs?: string[]; lastEventId?: string } = {},
) =>
  reading(
    new Response(hub.open({ principal, jobs: more.jobs ?? [], lastEventId: more.lastEventId })),
  );

test('the first event is a small overview, and what changes follows as hints', async () => {
  const { stream, unstuck } = await served();
  const viewer = await readStream(stream);
  onTestFinished(() => viewer.leave());
  expect(Object.fromEntries(viewer.response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  const first = await viewer.next(named('overview'));
  expect(viewer.text().startsWith('retry: 2000\n\n')).toBe(true);
  expect(first.data).toMatchObject({ states: { queued: 0 }, stuck: 0, workers: { count: 0 } });
  expect(JSON.stringify(first.data).length).toBeLessThan(2_000);
  await unstuck.enqueue('new', {});
  await viewer.next(({ event, data }) => event === 'changed' && data['topic'] === 'jobs');
  await viewer.next(
    ({ event, data }) =>
      event === 'overview' && (data['states'] as { queued: number }).queued === 1,
  );
  await unstuck.pools.set('pool', { capacity: 1 });
  await viewer.next(({ event, data }) => event === 'changed' && data['topic'] === 'pools');
  await unstuck.schedules.set('daily', { type: 'new', cron: '@daily' });
  await viewer.next(({ event, data }) => event === 'changed' && data['topic'] === 'schedules');
});

test('a watched job is told of from where it stands to its end, and the others are not', async () => {
  const { stream, unstuck } = await served();
  const go = gate();
  const slow = job('slow', async (running) => {
    running.progress(0.5, 'half');
    await go.promise;
  });
  const [mine, other] = await unstuck.enqueueMany(slow, [{ input: 1 }, { input: 2 }]);
  const viewer = await readStream(`${stream}?jobs=${mine?.id}`);
  onTestFinished(() => viewer.leave());
  await viewer.next(({ event, data }) => event === 'job' && data['state'] === 'queued');
  await unstuck.work([slow]);
  await viewer.next(({ event, data }) => event === 'job' && data['progress'] === 0.5);
  go.open();
  const last = await viewer.next(({ data }) => data['state'] === 'completed');
  expect(last.data).toMatchObject({ id: mine?.id, type: 'slow', waits_for: null });
  expect(viewer.text()).not.toContain(other?.id);
});

test('fifty viewers cause one look, and without viewers there is none', async () => {
  const { stream, unstuck } = await served();
  const ran = vi.spyOn(Database.prototype, 'run');
  const looked = vi.spyOn(Hub.prototype, 'look');
  onTestFinished(() => {
    ran.mockRestore();
    looked.mockRestore();
  });
  const counts = (): number =>
    ran.mock.calls.filter(([statement]) => statement.name === 'count-live').length;
  const viewers = await Promise.all(Array.from({ length: 50 }, () => readStream(stream)));
  await Promise.all(viewers.map((viewer) => viewer.next(named('overview'))));
  const before = counts();
  await unstuck.enqueue('new', {});
  const isNew = ({ event, data }: Received): boolean =>
    event === 'changed' && data['topic'] === 'jobs';
  await Promise.all(viewers.map((viewer) => viewer.next(isNew)));
  expect(counts()).toBeGreaterThan(before);
  // A slow machine may need a second or third look until all fifty have read; with a look for each viewer it were 50.
  expect(counts() - before).toBeLessThan(25);
  for (const viewer of viewers) viewer.leave();
  const hub = looked.mock.contexts[0] as Hub;
  await eventually(() => hub.viewers === 0, 'all have gone');
  const looksOf = (whose: Hub): number =>
    looked.mock.contexts.filter((context) => context === whose).length;
  const last = looksOf(hub);
  const other = await serve(unstuck, { port: 0 });
  onTestFinished(() => other.close());
  const viewer = await readStream(`${other.url}/v1/stream`);
  onTestFinished(() => viewer.leave());
  await eventually(() => looksOf(looked.mock.contexts.at(-1) as Hub) >= 3, 'time goes on');
  expect(looked.mock.contexts.at(-1)).not.toBe(hub);
  expect(looksOf(hub)).toBe(last);
});

test('whoever comes back gets exactly what was missed, and an id of another process is a reset', async () => {
  const all = await setup({ sweep: false });
  const { hub } = await hubOf(all);
  const stays = watchWith(hub);
  await hub.look();
  const first = await stays.next(named('overview'));
  await all.unstuck.enqueue('one', {});
  await hub.look();
  await stays.next(({ event, data }) => event === 'changed' && data['topic'] === 'jobs');
  const missed = stays.events().slice(1);
  expect(missed.length).toBeGreaterThan(1);
  const back = watchWith(hub, PERSON, { lastEventId: first.id });
  await back.next(({ id }) => id === missed.at(-1)?.id);
  expect(back.events()).toEqual(missed);
  for (const lastEventId of ['0123.7', 'x', `${first.id.split('.')[0]}.999`, '.', '']) {
    const lost = watchWith(hub, PERSON, { lastEventId });
    await lost.next(named('overview'));
    expect(lost.events().map(({ event }) => event)).toEqual(['reset', 'overview']);
  }
});

test('after a restart a stream begins with a reset', async () => {
  const { stream, server, unstuck } = await served();
  const before = await readStream(stream);
  const { id } = await before.next(named('overview'));
  await server.close();
  const again = await serve(unstuck, { port: 0 });
  onTestFinished(() => again.close());
  const after = await readStream(`${again.url}/v1/stream`, { 'last-event-id': id });
  onTestFinished(() => after.leave());
  await after.next(named('overview'));
  expect(after.events()[0]?.event).toBe('reset');
});

test('closing says bye, so that viewers connect elsewhere, and no further stream is opened', async () => {
  const { stream, server } = await served();
  const viewer = await readStream(stream);
  await viewer.next(named('overview'));
  server.drain();
  expect((await viewer.next(named('bye'))).data).toEqual({ reason: 'stopping' });
  expect(await viewer.ended).toBe('closed');
  const refused = await fetch(stream);
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ code: 'WORKER_STOPPED' });
});

test('a reader that does not read is cut, and the others go on', async () => {
  const all = await setup({ sweep: false });
  const { hub } = await hubOf(all);
  const jobs: string[] = [];
  for (let n = 0; n < 50; n += 1) jobs.push((await all.unstuck.enqueue('long', n)).id);
  hub.open({ principal: PERSON, jobs, lastEventId: undefined });
  const reads = watchWith(hub);
  for (let n = 0; hub.viewers > 1; n += 1) {
    if (n > 50) throw new Error('it was never cut');
    await all.query(`update unstuck.jobs set progress_note = repeat($1, 500)`, [`${n % 10}`]);
    await hub.look();
  }
  expect(hub.viewers).toBe(1);
  await all.query(`insert into unstuck.jobs (type, input) values ('last', '{}')`);
  const before = reads.events().length;
  await hub.look();
  await eventually(() => reads.events().length > before, 'who reads gets more');
});

test('whoever watches 50 jobs with the longest notes of Chinese is told of all of them, and again when they come back', async () => {
  const all = await setup({ sweep: false });
  const { hub } = await hubOf(all);
  const jobs: string[] = [];
  for (let n = 0; n < 50; n += 1) jobs.push((await all.unstuck.enqueue('long', n)).id);
  await all.query(`update unstuck.jobs set progress_note = repeat('进', 500)`);
  const viewer = watchWith(hub, PERSON, { jobs });
  const told = (who: typeof viewer): number =>
    who.events().filter(({ event }) => event === 'job').length;
  await hub.look();
  await eventually(() => told(viewer) === 50, 'all are told');
  await all.query(`update unstuck.jobs set progress_note = repeat('退', 500)`);
  const first = viewer.events()[0]?.id;
  const back = watchWith(hub, PERSON, { jobs, lastEventId: first as string });
  await back.next(named('reset'));
  await hub.look();
  await eventually(() => told(back) === 50, 'all are told again');
  expect(hub.viewers).toBe(2);
});

test('a stream ends soon after its token is revoked, with the sessions that it opened; others go on', async () => {
  const { unstuck } = await setup({ sweep: false });
  const opened = vi.spyOn(Hub.prototype, 'open');
  onTestFinished(() => opened.mockRestore());
  const root = 'correct-horse-battery';
  const server = await serve(unstuck, { port: 0, token: root });
  onTestFinished(() => server.close());
  const stream = `${server.url}/v1/stream`;
  const made = await unstuck.tokens.create({ name: 'tv', scopes: ['read'] });
  const headers = { authorization: `Bearer ${made.token}` };
  const login = await fetch(`${server.url}/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify({ token: made.token }),
  });
  const cookie = (login.headers.get('set-cookie') as string).split(';')[0] as string;
  const other = await readStream(stream, { authorization: `Bearer ${root}` });
  onTestFinished(() => other.leave());
  const viewers = [await readStream(stream, headers), await readStream(stream, { cookie })];
  const revoked = await fetch(`${server.url}/v1/tokens/${made.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${root}` },
  });
  expect(revoked.status).toBe(200);
  await (opened.mock.contexts[0] as Hub).check();
  for (const viewer of viewers) {
    expect((await viewer.next(named('bye'))).data).toEqual({ reason: 'renew' });
    expect(await viewer.ended).toBe('closed');
  }
  expect((await fetch(stream, { headers })).status).toBe(401);
  expect(other.events().some(({ event }) => event === 'bye')).toBe(false);
});

test('a tab that is closed is let go', async () => {
  const { stream, unstuck } = await served();
  const opened = vi.spyOn(Hub.prototype, 'open');
  onTestFinished(() => opened.mockRestore());
  const viewer = await readStream(stream);
  await viewer.next(named('overview'));
  const hub = opened.mock.contexts[0] as Hub;
  expect(hub.viewers).toBe(1);
  viewer.leave();
  await eventually(() => hub.viewers === 0, 'it is let go');
  await unstuck.enqueue('after', {});
});

test('a socket that goes without a word is let go', async () => {
  const { server } = await served();
  const opened = vi.spyOn(Hub.prototype, 'open');
  onTestFinished(() => opened.mockRestore());
  const { hostname, port } = new URL(server.url);
  const socket = createConnection(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write('GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  const hub = opened.mock.contexts[0] as Hub;
  socket.resetAndDestroy();
  await eventually(() => hub.viewers === 0, 'it is let go');
});

test('a quiet stream gets a heartbeat every 15 s, and ends after 12 to 18 minutes', async () => {
  const all = await setup({ sweep: false });
  const { hub, pass } = await hubOf(all);
  const viewer = watchWith(hub);
  await hub.look();
  await viewer.next(named('overview'));
  const beats = (): number => viewer.text().split(': hb\n\n').length - 1;
  pass(14_000);
  hub.care();
  pass(1_000);
  hub.care();
  await eventually(() => beats() === 1, 'one heartbeat after 15 s');
  pass(12 * 60_000 - 15_001);
  hub.care();
  expect(hub.viewers).toBe(1);
  pass(6 * 60_000 + 1);
  hub.care();
  expect(hub.viewers).toBe(0);
  expect((await viewer.next(named('bye'))).data).toEqual({ reason: 'renew' });
  expect(await viewer.ended).toBe('closed');
});

test('one token has at most 5 streams, a process 200', async () => {
  const all = await setup({ sweep: false });
  const { hub } = await hubOf(all);
  for (let n = 0; n < 5; n += 1) watchWith(hub, AGENT);
  expect(() => watchWith(hub, AGENT)).toThrow(/at most 5 open streams of agent/);
  watchWith(hub, { ...AGENT, name: 'another' });
  while (hub.viewers < 200) watchWith(hub);
  expect(() => watchWith(hub)).toThrow(/at most 200/);
  expect(hub.viewers).toBe(200);
});

test('too many is told as 429 with Retry-After, and what is no job id as 422', async () => {
  const { unstuck } = await setup({ sweep: false });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const handle = createHandler(unstuck, { stop: stop.signal });
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    handle(new Request(`http://localhost${path}`, init));
  for (let n = 0; n < 200; n += 1) expect((await ask('/v1/stream')).status).toBe(200);
  const refused = await ask('/v1/stream');
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).not.toBeNull();
  expect(await refused.json()).toMatchObject({ code: 'TOO_MANY_STREAMS' });
  const wrong = await ask('/v1/stream?jobs=7');
  expect(await wrong.json()).toMatchObject({ status: 422, code: 'JOB_ID_INVALID' });
  const many = await ask(`/v1/stream?jobs=${Array.from({ length: 51 }, (_, n) => n).join(',')}`);
  expect(await many.json()).toMatchObject({ status: 422, code: 'REQUEST_INVALID' });
});

test('a HEAD opens no stream', async () => {
  const { stream } = await served();
  const opened = vi.spyOn(Hub.prototype, 'open');
  onTestFinished(() => opened.mockRestore());
  const head = await fetch(stream, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(opened).not.toHaveBeenCalled();
});

test('a job that is gone is told as such once, and one that is run again comes back', async () => {
  const all = await setup({ sweep: false });
  const { hub } = await hubOf(all);
  const quick = job('quick', () => 1);
  const worker = await all.unstuck.work([quick]);
  const { id } = await all.unstuck.enqueue(quick, 1);
  await all.unstuck.wait(id);
  await worker.stop();
  const nobody = '01a20077-9475-7261-9e06-aa4ced104c00';
  const viewer = watchWith(hub, PERSON, { jobs: [id, nobody] });
  await viewer.next(({ data }) => data['id'] === id && data['state'] === 'completed');
  await hub.look();
  await hub.look();
  await hub.look();
  await viewer.next(({ data }) => data['id'] === nobody && data['state'] === null);
  await all.unstuck.retry(id);
  await viewer.next(({ data }) => data['id'] === id && data['state'] === 'queued');
  expect(viewer.events().filter(({ data }) => data['id'] === nobody)).toHaveLength(1);
});

test('while the database is away streams stay open, and nothing that changed meanwhile is lost', async () => {
  const all = await setup({ sweep: false });
  let away = true;
  const { unstuck } = all;
  const hub = new Hub(
    {
      log: unstuck.log,
      watch: unstuck.watch,
      status: () => (away ? Promise.reject(new Error('away')) : unstuck.status()),
    },
    undefined,
  );
  onTestFinished(() => hub.close());
  const { id } = await unstuck.enqueue('waits', {});
  const viewer = watchWith(hub, PERSON, { jobs: [id] });
  await all.logged('stream_look_failed');
  away = false;
  await viewer.next(({ data }) => data['id'] === id);
  await viewer.next(named('overview'));
});
