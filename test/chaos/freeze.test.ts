// A process that is stopped for longer than its lease loses its job and cannot end it; one that is only busy keeps its job.
// With UNSTUCK_LONG=1 the default lease is used, with a stop of 60 s and an event loop blocked for 20 s.
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { AnyJob } from '../../src/index.ts';
import { violations } from './history.ts';
import { block, sleeper, zombie } from './jobs.ts';
import { type Arena, arena, until } from './setup.ts';

const LONG = process.env['UNSTUCK_LONG'] === '1';
/** Long, or scaled to a lease of 2 s: stopped for three leases, blocked for two. */
const STOPPED_MS = LONG ? 60_000 : 6_000;
const BLOCKED_MS = LONG ? 20_000 : 4_000;
const LEASE = LONG ? '10s' : '2s';
const environment = { UNSTUCK_LEASE: LEASE };

describe.each([
  ['ends its job in a transaction', zombie],
  ['returns', sleeper],
])('a process that was stopped for longer than its lease and then %s', (_how, type) => {
  test('is refused and recorded, after its successor has ended', async () => {
    const place = await arena();
    const { id, stopped, crew } = await stopInMidJob(place, type, 0);
    const ended = await place.unstuck.wait(id, { timeout: '90s' });
    expect(ended).toMatchObject({
      state: 'completed',
      crashes: 1,
      token: '2',
      result: { token: '2' },
    });
    if (LONG) await pause(STOPPED_MS);
    stopped.signal('SIGCONT');
    await isRefused(place, id);
    expect(await place.unstuck.get(id)).toEqual(ended);
    await crew.drain();
    expect(await violations(place.client, crew.lines(), { acked: [id] })).toEqual([]);
  }, 200_000);

  test('is refused and recorded, while its successor runs', async () => {
    const place = await arena();
    const { id, stopped, crew } = await stopInMidJob(place, type, 3_000);
    await crew.line(
      ({ job, crashes, event }) => job === id && event === 'start' && crashes === 1,
      60_000,
    );
    stopped.signal('SIGCONT');
    await isRefused(place, id);
    const ended = await place.unstuck.wait(id, { timeout: '30s' });
    expect(ended).toMatchObject({
      state: 'completed',
      crashes: 1,
      token: '2',
      result: { token: '2' },
    });
    await crew.drain();
    expect(await violations(place.client, crew.lines(), { acked: [id] })).toEqual([]);
  }, 120_000);
});

test('a stopped process that comes back works again, under a new identity', async () => {
  const { client, unstuck, crew: hire } = await arena();
  const crew = await hire(2, { environment, concurrency: 1 });
  const [worker] = crew.workers;
  worker?.signal('SIGSTOP');
  await until(
    'the stopped worker is declared dead',
    60_000,
    async () => (await workers('dead')) === 1,
  );
  worker?.signal('SIGCONT');
  await until('two workers are live again', 30_000, async () => (await workers('live')) === 2);
  const { id } = await unstuck.enqueue(sleeper, { ms: 0 });
  const line = await crew.line(({ job, event }) => job === id && event === 'before-commit');
  crew.withPid(line.pid).signal('SIGCONT');
  await unstuck.wait(id, { timeout: '60s' });

  async function workers(state: string): Promise<number> {
    const { rows } = await client.query('select from unstuck.workers where state = $1', [state]);
    return rows.length;
  }
}, 120_000);

test('a job that blocks its event loop for two leases is not run a second time', async () => {
  const { unstuck, client, crew: hire } = await arena();
  const crew = await hire(2, { environment });
  const { id } = await unstuck.enqueue(block, { ms: BLOCKED_MS });
  const job = await unstuck.wait(id, { timeout: '60s' });
  expect(job).toMatchObject({ state: 'completed', token: '1', attempt: 1, crashes: 0 });
  expect(await unstuck.history(id)).toEqual([]);
  await crew.drain();
  expect(crew.lines().filter(({ event }) => event === 'start')).toHaveLength(1);
  expect(crew.log()).toContain('event=event_loop_blocked');
  expect(await violations(client, crew.lines(), { acked: [id] })).toEqual([]);
}, 120_000);

/** Enqueues a job that stops its own process just before its end, with a successor that takes `ms`. */
async function stopInMidJob({ unstuck, crew: hire }: Arena, type: AnyJob, ms: number) {
  const crew = await hire(2, { environment });
  const { id } = await unstuck.enqueue(type, { ms });
  const line = await crew.line(({ job, event }) => job === id && event === 'before-commit');
  return { id, crew, stopped: crew.withPid(line.pid) };
}

async function isRefused({ unstuck }: Arena, id: string): Promise<void> {
  await until('the late result is recorded', 30_000, async () => {
    const kinds = (await unstuck.history(id)).map(({ kind }) => kind);
    return kinds.includes('stale') && kinds.includes('late-result');
  });
}
