// Every kind of connection is cut, stopped or made half-open: work resumes within 15 s, no process is started again, and nothing is lost.
import { expect, test } from 'vitest';
import { TcpProxy } from '../support/proxy.ts';
import type { Crew } from './crew.ts';
import { figures, violations } from './history.ts';
import { effect, plain, slow } from './jobs.ts';
import { type Arena, arena, connect, ownArena, until } from './setup.ts';

const RESUMED_MS = 15_000;
const KINDS = [
  'unstuck engine',
  'unstuck lifeline',
  'unstuck listener',
  'unstuck transaction',
] as const;

test('when the server ends connections of every kind, again and again, no job is lost and none is accepted twice', async () => {
  const place = await arena();
  const crew = await place.crew(2);
  const acked = await enqueueSome(place);
  const ended = new Map<string, number>();
  for (let round = 0; round < 12; round += 1) {
    const kind = KINDS[round % KINDS.length] as string;
    await until(`a connection ${kind} is ended`, 10_000, async () => {
      const count = await terminate(place, kind);
      ended.set(kind, (ended.get(kind) ?? 0) + count);
      return count > 0 || (await live(place)) === 0;
    });
  }
  console.log('connections ended', Object.fromEntries(ended));
  await resumes(place, crew);
  await ends(place, crew, acked);
  expect(crew.workers).toHaveLength(2);
}, 90_000);

test('a connection of each kind is ended while a worker has nothing to do: it works again', async () => {
  const place = await arena();
  await place.crew(1);
  for (const kind of ['unstuck engine', 'unstuck lifeline', 'unstuck listener']) {
    await until(
      `a connection ${kind} is ended`,
      10_000,
      async () => (await terminate(place, kind)) > 0,
    );
    const { id } = await place.unstuck.enqueue(effect, { ms: 0 });
    expect(await place.unstuck.wait(id, { timeout: '15s' })).toMatchObject({
      state: 'completed',
      token: '1',
    });
  }
}, 60_000);

test('a transaction whose connection is half-open ends, and its job runs again, within two leases', async () => {
  const place = await ownArena();
  const proxy = await TcpProxy.start(place.url);
  try {
    const crew = await place.crew(1, { url: proxy.url });
    const { id } = await place.unstuck.enqueue(effect, { ms: 500 });
    await until('the handler holds its transaction open', 10_000, async () => {
      const { rows } = await place.client.query(
        `select from pg_stat_activity where application_name = 'unstuck transaction' and state = 'idle in transaction'`,
      );
      return rows.length > 0;
    });
    proxy.blackHole();
    const from = Date.now();
    expect(await place.unstuck.wait(id, { timeout: '30s' })).toMatchObject({ state: 'completed' });
    console.log(`a half-open transaction: its job has ended after ${Date.now() - from} ms`);
    await ends(place, crew, [id]);
  } finally {
    await proxy.close();
  }
}, 90_000);

test('a lifeline that comes back in the grace of its lock keeps its jobs', async () => {
  const place = await arena();
  const crew = await place.crew(2);
  const { id } = await place.unstuck.enqueue(slow, { ms: 3_000 });
  await crew.line(({ event }) => event === 'start');
  await terminate(place, 'unstuck lifeline');
  expect(await place.unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'completed',
    token: '1',
  });
  await ends(place, crew, [id]);
}, 60_000);

test('PostgreSQL is stopped at once and started again: work resumes within 15 s and every job ends once', async () => {
  const place = await ownArena();
  const crew = await place.crew(2);
  const acked = await enqueueSome(place);
  await crew.line(({ event }) => event === 'start');
  await place.server.stopImmediate();
  await place.server.startAgain();
  const again = { ...place, client: await connect(place.url) };
  await resumes(again, crew);
  await ends(again, crew, acked);
  expect(crew.alive).toHaveLength(0);
  expect(crew.workers).toHaveLength(2);
}, 120_000);

test.each([
  ['half-open', (proxy: TcpProxy) => proxy.blackHole()],
  ['reset', (proxy: TcpProxy) => proxy.reset()],
] as const)(
  'every connection of the workers is %s: work resumes within 15 s and every job ends once',
  async (_how, fault) => {
    const place = await ownArena();
    const proxy = await TcpProxy.start(place.url);
    try {
      const crew = await place.crew(2, { url: proxy.url });
      const acked = await enqueueSome(place);
      await until('a transaction is open', 10_000, () =>
        crew.lines().some(({ event, type }) => event === 'start' && type === 'effect'),
      );
      expect(fault(proxy)).toBeGreaterThan(4);
      await resumes(place, crew);
      await ends(place, crew, acked);
      expect(crew.workers).toHaveLength(2);
    } finally {
      await proxy.close();
    }
  },
  120_000,
);

test('a producer whose connections are half-open stores its job within 15 s, once', async () => {
  const place = await ownArena();
  const proxy = await TcpProxy.start(place.url);
  const { Unstuck } = await import('../../src/index.ts');
  const producer = await Unstuck.connect({ database: proxy.url, logLevel: 'error' });
  try {
    await Promise.all(Array.from({ length: 20 }, () => producer.enqueue(plain, {})));
    proxy.blackHole();
    const { id, created } = await producer.enqueue(plain, {});
    expect(created).toBe(true);
    const { rows } = await place.client.query('select from unstuck.jobs where id = $1', [id]);
    expect(rows).toHaveLength(1);
  } finally {
    await proxy.close();
    await producer.close();
  }
}, 60_000);

/** What may be asked whose reply is lost; the text stands in the message to the server. */
const REPLIES = [
  ['COMMIT of job.transaction', 'commit\0', effect],
  ['a settled batch with a claim', 'finish-and-claim\0', plain],
  // After the first such loss its worker claims by another statement.
  ['a claim', 'claim-', plain],
] as const;

test.each(REPLIES)(
  'the reply to %s is lost: what was done is read back, not done again',
  async (_what, text, type) => {
    const place = await ownArena();
    const proxy = await TcpProxy.start(place.url);
    try {
      const crew = await place.crew(1, { url: proxy.url, environment: { UNSTUCK_LEASE: '2s' } });
      proxy.cutReplyTo(text, 3);
      const jobs = await place.unstuck.enqueueMany(
        type,
        Array.from({ length: 60 }, () => ({ input: { ms: 20 } })),
      );
      await until('three replies are cut', 30_000, () => proxy.cut === 3);
      await ends(
        place,
        crew,
        jobs.map(({ id }) => id),
      );
      expect(
        crew.lines().filter(({ event }) => event === 'end' || event === 'threw').length,
      ).toBeLessThanOrEqual(60);
    } finally {
      await proxy.close();
    }
  },
  60_000,
);

test('an end whose reply was lost and that is not read back is caught: it is called late although it was accepted', async () => {
  const place = await ownArena();
  const proxy = await TcpProxy.start(place.url);
  try {
    const crew = await place.crew(1, { url: proxy.url, mutant: 'skip-read-back' });
    proxy.cutReplyTo('finish-and-claim\0', 3);
    const jobs = await place.unstuck.enqueueMany(
      plain,
      Array.from({ length: 60 }, () => ({ input: { ms: 20 } })),
    );
    await until('three replies are cut', 30_000, () => proxy.cut === 3);
    await until('every job has ended', 60_000, async () => (await live(place)) === 0);
    await crew.drain();
    const acked = jobs.map(({ id }) => id);
    const found = await violations(place.client, crew.lines(), { acked });
    expect(found).toContainEqual(expect.stringContaining('an accepted end was called late'));
  } finally {
    await proxy.close();
  }
}, 90_000);

/** Jobs of three types, enough to keep two workers busy for some seconds; returns their ids. */
async function enqueueSome({ unstuck }: Arena): Promise<string[]> {
  const made = await Promise.all([
    unstuck.enqueueMany(
      plain,
      Array.from({ length: 200 }, (_, n) => ({ input: { ms: n % 50 } })),
    ),
    unstuck.enqueueMany(
      effect,
      Array.from({ length: 200 }, (_, n) => ({ input: { ms: n % 50 } })),
    ),
    unstuck.enqueueMany(
      slow,
      Array.from({ length: 40 }, () => ({ input: { ms: 1_000 } })),
    ),
  ]);
  return made.flat().map(({ id }) => id);
}

async function terminate({ client }: Arena, kind: string): Promise<number> {
  const { rows } = await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()',
    [kind],
  );
  return rows.length;
}

async function live({ client }: Arena): Promise<number> {
  const { rows } = await client.query('select from unstuck.jobs');
  return rows.length;
}

/** From now on a fresh job ends within 15 s in one of the processes that are there, and each of them starts something. */
async function resumes(
  { unstuck, client }: Pick<Arena, 'unstuck' | 'client'>,
  crew: Crew,
): Promise<void> {
  const from = Date.now();
  const left = new Set(crew.alive.map(({ pid }) => pid));
  const probes = new Set<string>();
  while (left.size > 0) {
    if (Date.now() - from > RESUMED_MS)
      throw new Error(
        `No work for ${RESUMED_MS} ms in ${left.size} of ${crew.workers.length}\n${crew.log().slice(-6_000)}`,
      );
    const made = await unstuck.enqueueMany(
      effect,
      Array.from({ length: 10 }, () => ({ input: { ms: 10 }, priority: 100 })),
    );
    for (const { id } of made) probes.add(id);
    await until('probes start', RESUMED_MS, () =>
      crew.lines().some(({ job, event }) => event === 'end' && made.some(({ id }) => id === job)),
    );
    for (const { pid, event, job } of crew.lines())
      if (event === 'end' && probes.has(job)) left.delete(pid);
  }
  console.log(
    `every worker works again after ${Date.now() - from} ms; ${await figures(client, crew.lines())}`,
  );
}

/** Waits until no job is left, ends the workers, and looks at what happened. */
async function ends(
  place: Pick<Arena, 'client'>,
  crew: Crew,
  acked: readonly string[],
): Promise<void> {
  await until('every job has ended', 60_000, async () => (await live(place as Arena)) === 0);
  await crew.drain();
  expect(await violations(place.client, crew.lines(), { acked })).toEqual([]);
}
