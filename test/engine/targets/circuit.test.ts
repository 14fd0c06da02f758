// Whose fault a failure is: that of the target, which is then asked by its schedule, or that of one job, which is then charged.
import { expect, test } from 'vitest';
import { defineJob } from '../../../src/domain/define-job.ts';
import type { TargetPick } from '../../../src/domain/define-target.ts';
import { anything, eventually, setup } from '../../support/unstuck.ts';
import {
  type Answer,
  allOutcomes,
  begin,
  completes,
  HERE,
  json,
  parked,
  remoteWorker,
  standing,
  stands,
  targetAt,
} from './support/remote-worker.ts';

const fails =
  (status: number): Answer =>
  (_, response) =>
    void response.writeHead(status).end();

test('a target that breaks over several jobs in a row is down; none of them is charged, and none is sent', async () => {
  const all = await begin({ failuresMax: 3 });
  all.worker.answer(fails(500));
  for (let one = 0; one < 5; one += 1) await all.enqueue(one);
  expect(await stands(all, 'down')).toMatchObject({ last_error: { code: 'HTTP_500' } });
  await parked(all, 5);
  const { length } = all.worker.posts;
  await all.enqueue(6);
  await parked(all, 6);
  expect(all.worker.posts).toHaveLength(length);
  expect(await allOutcomes(all)).toEqual([]);
});

test('S2.8: a target that answers its probes and breaks over every job charges none of them, however often it is tried', async () => {
  const all = await begin({ failuresMax: 1 }, { retry: { attempts: 1 } });
  all.worker.answer(fails(500));
  await all.enqueue(1);
  await all.enqueue(2);
  await stands(all, 'down');
  await parked(all, 2);
  for (const round of [1, 2, 3, 4, 5, 6]) {
    const { length } = all.worker.posts;
    await all.moveClock(`${round} minutes 1 second`);
    await eventually(() => all.worker.posts.length > length, 'it is tried');
    await stands(all, 'down');
    await parked(all, 2);
  }
  expect(await allOutcomes(all)).toEqual([]);
}, 60_000);

test.for([500, 502, 503])(
  'one job over which the target breaks (%i) while others are done is charged, and fails; the target stays up',
  async (status) => {
    const all = await begin({ failuresMax: 3 }, { retry: { attempts: 2, base: '10ms' } });
    all.worker.answer((got, response) =>
      got.sent.input === 'poison' ? fails(status)(got, response) : completes(got, response),
    );
    const poison = await all.enqueue('poison');
    const others = setInterval(() => void all.enqueue('good').catch(() => undefined), 100);
    const ended = await all.unstuck.wait(poison).finally(() => clearInterval(others));
    expect(ended).toMatchObject({ state: 'failed', attempt: 2, error: { code: `HTTP_${status}` } });
    expect(all.lines.filter(({ event }) => event === 'target_down')).toEqual([]);
    expect(await standing(all)).toMatchObject({ state: 'up' });
    expect(await allOutcomes(all)).toEqual(['failed', 'failed']);
  },
);

test('a failure for which a job is charged says nothing of the target', async () => {
  const all = await begin({ failuresMax: 10 }, { retry: { attempts: 1 } });
  all.worker.answer((got, response) =>
    got.sent.input === 'poison' ? fails(500)(got, response) : completes(got, response),
  );
  const poison = await all.enqueue('poison');
  await all.logged('target_failed');
  await all.unstuck.wait(await all.enqueue('good'));
  expect(await all.unstuck.wait(poison)).toMatchObject({ state: 'failed', attempt: 1 });
  expect(await standing(all)).toMatchObject({ state: 'up', failures: 0 });
});

test('a job over which the target breaks does not keep others from being the one with which it is tried', async () => {
  const all = await begin({ failuresMax: 1 }, { retry: { attempts: 1 } });
  all.worker.answer((got, response) =>
    got.sent.input === 'poison' ? fails(500)(got, response) : completes(got, response),
  );
  const poison = await all.enqueue('poison');
  await stands(all, 'down');
  await parked(all, 1);
  const good = await all.enqueue('good');
  await parked(all, 2);
  await all.moveClock('1 minute 1 second');
  await eventually(() => all.worker.posts.length === 2, 'it is tried with the older one');
  await stands(all, 'down');
  await parked(all, 2);
  await all.moveClock('2 minutes 1 second');
  expect(await all.unstuck.wait(good)).toMatchObject({ state: 'completed' });
  expect(await all.unstuck.wait(poison)).toMatchObject({ state: 'failed', attempt: 1 });
});

test('N8: a target that is busy when it is tried answers, and is up; it is held as it has asked for', async () => {
  const all = await begin();
  await all.worker.down();
  for (let one = 0; one < 3; one += 1) await all.enqueue(one);
  await stands(all, 'down');
  await parked(all, 3);
  all.worker.answer((_, response) => void response.writeHead(429, { 'retry-after': '600' }).end());
  await all.worker.up();
  await all.moveClock('1 minute 1 second');
  await all.logged('target_busy');
  await parked(all, 3);
  expect(await standing(all)).toMatchObject({ state: 'up', failures: 0, probe_in: null });
  const { length } = all.worker.gets;
  await all.moveClock('9 minutes');
  await all.enqueue(3);
  await parked(all, 4);
  expect(all.worker.gets).toHaveLength(length);
  all.worker.answer(completes);
  await all.moveClock('11 minutes 5 seconds');
  await eventually(
    async () => (await all.query('select from unstuck.jobs')).length === 0,
    'all are done',
  );
  expect(await allOutcomes(all)).toEqual([]);
});

/** A type with two targets, and what they were sent. */
async function two(pick: TargetPick): Promise<
  Awaited<ReturnType<typeof setup>> & {
    readonly first: Awaited<ReturnType<typeof remoteWorker>>;
    readonly second: Awaited<ReturnType<typeof remoteWorker>>;
    readonly enqueue: () => Promise<string>;
  }
> {
  const [first, second] = [await remoteWorker(), await remoteWorker()];
  const all = await setup(HERE);
  const options = { timeout: '400ms', failuresMax: 100 } as const;
  const assemble = defineJob({
    type: 'assemble',
    input: anything,
    target: [
      targetAt(first, { name: 'first', ...options }),
      targetAt(second, { name: 'second', ...options }),
    ],
    targetPick: pick,
  });
  await all.unstuck.work([assemble], { concurrency: 1 });
  return {
    ...all,
    first,
    second,
    enqueue: async () => (await all.unstuck.enqueue(assemble, 1)).id,
  };
}

test('a job whose first target cannot be reached is sent to the second at once, in the same attempt', async () => {
  const all = await two('fallback');
  await all.first.down();
  const job = await all.unstuck.wait(await all.enqueue());
  expect(job).toMatchObject({ state: 'completed', attempt: 1, token: '1' });
  expect(all.second.posts.map(({ sent }) => sent.token)).toEqual(['1']);
  expect(await standing(all, 'first')).toMatchObject({ failures: 1 });
});

test('a job that the first target may have got is never sent to the second under the same token', async () => {
  const all = await two('fallback');
  for (const bad of [fails(500), fails(502), (): void => undefined]) {
    all.first.answer((got, response) => {
      all.first.answer(fails(500));
      return bad(got, response);
    });
    const id = await all.enqueue();
    const key = `${id}.1`;
    await eventually(
      () => all.first.posts.some(({ headers }) => headers['idempotency-key'] === key),
      'the first was sent it',
    );
    await eventually(
      async () => (await all.unstuck.history(id)).some(({ kind }) => kind === 'parked'),
      'it is parked',
    );
    await all.unstuck.cancel(id, { by: 'test' });
  }
  const keys = (posts: typeof all.first.posts): string[] =>
    posts.map(({ headers }) => String(headers['idempotency-key']));
  const first = keys(all.first.posts);
  expect(keys(all.second.posts).filter((key) => first.includes(key))).toEqual([]);
});

test('targets that take turns get the same number of jobs, and one that is down none', async () => {
  const all = await two('round-robin');
  for (let one = 0; one < 6; one += 1) await all.unstuck.wait(await all.enqueue());
  expect([all.first.posts.length, all.second.posts.length]).toEqual([3, 3]);
  all.first.answer((got, response) => json(response, 429, { id: got.sent.id }));
  for (let one = 0; one < 4; one += 1)
    expect(await all.unstuck.wait(await all.enqueue())).toMatchObject({ attempt: 1 });
  expect([all.first.posts.length, all.second.posts.length]).toEqual([4, 7]);
});
