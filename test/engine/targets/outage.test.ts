// A target is away for an hour and more: it is asked by its schedule, its jobs wait uncharged, and go out one by one when it is back.
import { expect, test } from 'vitest';
import { eventually, job, type Line } from '../../support/unstuck.ts';
import {
  allOutcomes,
  type Begun,
  begin,
  HERE,
  parked,
  type Sent,
  standing,
  stands,
  targetAt,
} from './support/remote-worker.ts';

const asked = (lines: readonly Line[]): number =>
  lines.filter(({ event }) => event === 'target_still_down').length;

/** Moves the clock minute by minute, and waits until what is due by each is done. */
async function pass(
  all: Begun,
  minutes: readonly number[],
  due: (minute: number) => number,
  each?: (minute: number) => Promise<unknown>,
): Promise<void> {
  for (const minute of minutes) {
    await all.moveClock(`${minute} minutes 1 second`);
    await each?.(minute);
    await eventually(() => asked(all.lines) >= due(minute), `it is asked by minute ${minute}`);
    expect(asked(all.lines), `asked by minute ${minute}`).toBe(due(minute));
  }
}

const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('S2.1, S2.2, S2.3, S2.8, N7: 200 jobs of an hour in which their target is away are all sent when it is back, once, in their order, and none is charged', async () => {
  const all = await begin({}, {}, { sweepInterval: '50ms' });
  await all.worker.down();
  const ids = [await all.enqueue(0), await all.enqueue(0), await all.enqueue(0)];
  await stands(all, 'down');
  await parked(all, 3);
  const second = await all.connect();
  await second.work([all.assemble]);
  const schedule = (minute: number): number =>
    minute <= 60 ? minute : 60 + Math.floor((minute - 60) / 10);
  await pass(all, upTo(1, 60), schedule, async (minute) => {
    const more = await all.unstuck.enqueueMany(
      all.assemble,
      Array.from({ length: Math.min(4, 200 - ids.length) }, () => ({ input: minute })),
    );
    ids.push(...more.map(({ id }) => id));
    await parked(all, ids.length);
  });
  await pass(all, upTo(61, 90), schedule);
  expect(await standing(all)).toMatchObject({ state: 'down', probes: 63 });
  expect(ids).toHaveLength(200);
  const urgent = await all.unstuck.enqueue(all.assemble, 'urgent', { priority: 1 });
  ids.push(urgent.id);
  await parked(all, 201);
  const event = (await all.unstuck.history(ids[0] ?? '')).find(({ kind }) => kind === 'parked');
  expect(event).toMatchObject({ detail: { target: 'assembler', url: all.worker.url } });

  await all.worker.up();
  await all.moveClock('100 minutes 1 second');
  for (const id of ids) {
    const done = await all.unstuck.wait(id);
    expect(done).toMatchObject({ state: 'completed', attempt: 1, crashes: 0 });
  }
  expect(await allOutcomes(all)).toEqual([]);
  const sent = all.worker.posts.map((got) => got.sent);
  expect(sent).toHaveLength(201);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(201);
  expect(sent[0]?.id).toBe(urgent.id);
  expect(inOrder(sent, ids.slice(0, 200))).toBe(true);
  const batches = all.lines.filter(({ event: name }) => name === 'found_parked_jobs');
  expect(batches.map(({ facts }) => facts['count'])).toEqual([1, 2, 4, 8, 16, 32, 64, 74]);
}, 120_000);

/** Whether each batch of the ramp came after those before it; within one, several are sent at once. */
function inOrder(sent: readonly Sent[], ids: readonly string[]): boolean {
  const place = new Map(ids.map((id, index) => [id, index]));
  let from = 1;
  for (const size of [2, 4, 8, 16, 32, 64, 74]) {
    const places = sent.slice(from, from + size).map(({ id }) => place.get(id) ?? -1);
    if (places.some((at) => at < from - 1 || at >= from - 1 + size)) return false;
    from += size;
  }
  return true;
}

test('S2.3: when a target is back no second brings more than twice the jobs of the one before', async () => {
  const all = await begin({ rampMax: 8 });
  await all.worker.down();
  await all.unstuck.enqueueMany(
    all.assemble,
    Array.from({ length: 30 }, (_, input) => ({ input })),
  );
  await stands(all, 'down');
  await parked(all, 30);
  await all.worker.up();
  await all.moveClock('1 minute 1 second');
  await eventually(async () => {
    const rows = await all.query('select from unstuck.jobs');
    return rows.length === 0;
  }, 'all are done');
  const rows = await all.query<{ at: Date }>(
    `select at from unstuck.events where kind = 'unparked' order by at`,
  );
  const times = rows.map(({ at }) => at.getTime()).slice(-29);
  const starts = [...new Set(times)];
  const batches = starts.map((start) => times.filter((at) => at === start).length);
  expect(batches).toEqual([2, 4, 8, 8, 7]);
  for (const [index, at] of starts.entries())
    if (index > 0) expect(at - (starts[index - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
}, 60_000);

test('flapping: a target that fails the job with which it is tried is down as before, and asked by the same schedule', async () => {
  const all = await begin({ failuresMax: 1 });
  all.worker.answer((_, response) => void response.writeHead(500).end());
  const ids = [await all.enqueue(1), await all.enqueue(2)];
  const tried = async (times: number): Promise<void> => {
    await eventually(() => all.worker.posts.length === times, `it was sent ${times} jobs`);
    const now = await stands(all, 'down');
    expect(now.probe_in).toBeGreaterThan(50);
    await parked(all, 2);
  };
  await stands(all, 'down');
  await parked(all, 2);
  const before = all.worker.posts.length;
  const [since] = await all.query('select down_since from unstuck.targets');
  for (const round of [1, 2, 3]) {
    await all.moveClock(`${round} minutes 1 second`);
    await tried(before + round);
  }
  expect(await all.query('select down_since from unstuck.targets')).toEqual([since]);
  expect(await allOutcomes(all)).toEqual([]);
  // The one that had failed went behind the other.
  const sent = all.worker.posts.slice(before).map((got) => got.sent.id);
  expect(new Set(sent.slice(0, 2))).toEqual(new Set(ids));
});

test('a target whose trial never comes about is asked again after two minutes, and tried with another', async () => {
  const all = await begin();
  await all.worker.down();
  const [first, ...rest] = [await all.enqueue(1), await all.enqueue(2), await all.enqueue(3)];
  await stands(all, 'down');
  await parked(all, 3);
  let open: (() => void) | undefined;
  all.worker.answer(async ({ sent }, response) => {
    if (sent.id === first) {
      await all.unstuck.cancel(sent.id, { by: 'test' });
      await new Promise<void>((resolve) => (open = resolve));
      response.socket?.destroy();
    } else response.end(JSON.stringify({ id: sent.id, token: sent.token, status: 'completed' }));
  });
  await all.worker.up();
  await all.moveClock('1 minute 1 second');
  await eventually(() => open, 'the first is being tried');
  expect(await standing(all)).toMatchObject({ state: 'half-open' });
  await all.moveClock('3 minutes 5 seconds');
  for (const id of rest) expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed' });
  open?.();
  expect(await standing(all)).toMatchObject({ state: 'up' });
});

test('a target that is down is asked at once where it has moved to', async () => {
  const all = await begin();
  await all.worker.down();
  for (let one = 0; one < 3; one += 1) await all.enqueue();
  await stands(all, 'down');
  await parked(all, 3);
  const elsewhere = await begin();
  const moved = await all.connect();
  await moved.work([
    {
      ...all.assemble,
      remote: { names: ['assembler'], pick: 'fallback', known: [targetAt(elsewhere.worker)] },
    },
  ]);
  await eventually(() => elsewhere.worker.gets.length > 0, 'it is asked there');
  await stands(all, 'half-open');
});

test('jobs that wait for a target that their type has no more are done here', async () => {
  const all = await begin();
  await all.worker.down();
  const ids = [await all.enqueue(), await all.enqueue(), await all.enqueue()];
  await stands(all, 'down');
  await parked(all, 3);
  await all.unstuck.close();
  const here = await all.connect(HERE);
  await here.work([job('assemble', () => 'here')]);
  for (const id of ids)
    expect(await here.wait(id)).toMatchObject({ state: 'completed', result: 'here', attempt: 1 });
});

test('K: polls neither stop nor burst when the clock jumps an hour forward, and back', async () => {
  const all = await begin();
  await all.worker.down();
  for (let one = 0; one < 3; one += 1) await all.enqueue();
  await stands(all, 'down');
  await parked(all, 3);
  await pass(all, [1, 2], (minute) => minute);
  await all.moveClock('62 minutes 1 second');
  await eventually(() => asked(all.lines) === 3, 'it is asked once');
  expect((await standing(all)).probe_in).toBeGreaterThan(60);
  await all.moveClock('2 minutes 30 seconds');
  await eventually(() => asked(all.lines) === 4, 'it is asked once more');
  const { probe_in: next } = await standing(all);
  expect(next).toBeGreaterThan(20);
  expect(next).toBeLessThanOrEqual(60);
  await all.moveClock('-58 minutes');
  await eventually(() => asked(all.lines) === 5, 'it is asked although it went down later');
  expect((await standing(all)).probe_in).toBeLessThanOrEqual(60);
  await all.worker.up();
  await all.moveClock('-56 minutes');
  await eventually(
    async () => (await all.query('select from unstuck.jobs')).length === 0,
    'all are sent',
  );
  expect(asked(all.lines)).toBe(5);
});
