// The laws of the snapshot of an installation over HTTP, and of its audit.
import { expect, test } from 'vitest';
import { Shared, sharedStatus } from '../../src/http/shared.ts';
import { apiViewOf } from '../../src/unstuck.ts';
import { gate, job, setup } from '../support/unstuck.ts';
import { asking } from './support/asking.ts';

test('the status has counts, workers, findings, and what is late or stuck', async () => {
  const { unstuck, moveClock } = await setup({ sweep: false });
  const ask = asking(unstuck);
  await unstuck.enqueue('t', 1, { claimWithin: '1m' });
  const worker = await unstuck.work([job('other', () => 1)]);
  await moveClock('2 minutes');
  await unstuck.tick();
  expect(await ask('GET /v1/status')).toMatchObject({
    status: 200,
    body: {
      live: [{ type: 't', state: 'queued', waits_for: null, count: 1, late: 1 }],
      finished: [],
      finished_capped: false,
      workers: [{ types: ['other'] }],
      late: 1,
      stuck: 0,
      swept_ms_ago: expect.any(Number),
    },
  });
  expect((await ask('GET /v1/findings')).body).toMatchObject({
    data: [{ kind: 'queued', subject: 't', count: 1, current: true }],
    next_cursor: null,
  });
  expect((await ask('GET /v1/workers')).body).toMatchObject({
    data: [{ types: ['other'], state: 'live', pid: process.pid }],
    next_cursor: null,
  });
  await worker.stop();
});

test('all who ask within a second share one reading, of every handler', async () => {
  const { unstuck } = await setup({ sweep: false });
  const view = apiViewOf(unstuck);
  let readings = 0;
  const status = view.status.bind(view);
  view.status = () => {
    readings += 1;
    return status();
  };
  const [one, two] = [asking(unstuck), asking(unstuck)];
  await Promise.all(
    ['status', 'findings', 'workers'].flatMap((noun) => [
      one(`GET /v1/${noun}`),
      two(`GET /v1/${noun}`),
    ]),
  );
  expect(readings).toBe(1);
  expect(sharedStatus(view)).toBe(sharedStatus(view));
});

test('a shared value is made anew when it is old or could not be made, and never twice at once', async () => {
  const made: ReturnType<typeof gate<number>>[] = [];
  const shared = new Shared(() => {
    const next = gate<number>();
    made.push(next);
    return next.promise;
  }, 0);
  const askers = [shared.get(), shared.get()];
  made[0]?.open(1);
  expect(await Promise.all(askers)).toEqual([1, 1]);
  const failing = shared.get();
  expect(made).toHaveLength(2);
  made[1]?.open(Promise.reject(new Error('away')) as never);
  await expect(failing).rejects.toThrow('away');
  const again = shared.get();
  made[2]?.open(3);
  expect(await again).toBe(3);
});

test('the audit is listed page by page, newest first, with details as they are stored', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  for (const by of ['ann', 'bob', 'eve']) {
    await unstuck.enqueue('t', 1, { tags: [by] });
    await unstuck.bulk.cancel({ filter: { tag: by } }, { by, reason: 'spring' });
  }
  const first = await ask('GET /v1/audit?limit=2');
  expect(first.body.data).toMatchObject([
    { by: 'eve', action: 'cancel', reason: 'spring', detail: { done: 1 } },
    { by: 'bob' },
  ]);
  const rest = await ask(`GET /v1/audit?limit=2&cursor=${first.body.next_cursor}`);
  expect(rest.body).toMatchObject({ data: [{ by: 'ann' }], next_cursor: null });
  expect(await ask('GET /v1/audit?limit=0')).toMatchObject({ status: 422 });
});
