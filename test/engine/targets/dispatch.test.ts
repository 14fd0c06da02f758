// Jobs of a type with a target are sent there, and its answer is their end.
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { defineJob } from '../../../src/domain/define-job.ts';
import { anything, eventually, setup } from '../../support/unstuck.ts';
import {
  accepts,
  begin,
  HERE,
  json,
  remoteWorker,
  SECRET,
  targetAt,
} from './support/remote-worker.ts';

test('S2.1: a job with a target is sent there by POST, signed, and the result in its answer is the result of the job', async () => {
  const { unstuck, worker, enqueue } = await begin();
  const id = await enqueue({ episode: 7 });
  const job = await unstuck.wait(id);
  expect(job).toMatchObject({ state: 'completed', result: { done: { episode: 7 } }, attempt: 1 });
  const [got] = worker.posts;
  expect(got?.sent).toMatchObject({ id, token: '1', type: 'assemble', attempt: 1, callback: null });
  expect(got?.headers['idempotency-key']).toBe(`${id}.1`);
  expect(() =>
    new Webhook(SECRET).verify(got?.text ?? '', got?.headers as Record<string, string>),
  ).not.toThrow();
});

test('S2.1, N7: a job whose target cannot be reached waits for it, charged no attempt, and is sent when it is back', async () => {
  const all = await begin();
  await all.worker.down();
  const id = await all.enqueue();
  const parked = await eventually(async () => {
    const job = await all.unstuck.get(id);
    return job?.waitsFor === 'target' ? job : undefined;
  }, 'it is parked');
  expect(parked).toMatchObject({ state: 'pending', attempt: 0, deadline: expect.any(Date) });
  await all.worker.up();
  const job = await all.unstuck.wait(id);
  expect(job).toMatchObject({ state: 'completed', attempt: 1 });
});

test('a job that the target says has failed is retried, and failed with its error', async () => {
  const { unstuck, worker, enqueue } = await begin();
  worker.answer(({ sent }, response) =>
    json(response, 200, {
      id: sent.id,
      token: sent.token,
      status: 'failed',
      retry: false,
      error: { code: 'NO_AUDIO', message: 'no audio' },
    }),
  );
  const job = await unstuck.wait(await enqueue());
  expect(job).toMatchObject({ state: 'failed', error: { code: 'NO_AUDIO', message: 'no audio' } });
});

test('N2: a job that was accepted and of which nothing more is heard is asked about, and ends as the answer says', async () => {
  const worker = await remoteWorker();
  const all = await setup(HERE);
  const status = `${worker.url}/{id}/{token}`;
  const assemble = defineJob({
    type: 'assemble',
    input: anything,
    target: targetAt(worker, { status, silence: '1s' }),
  });
  worker.answer(accepts, ({ path }, response) => {
    const [, , id, token] = path.split('/');
    json(response, 200, { id, token, status: 'completed', result: 'told late' });
  });
  await all.unstuck.work([assemble]);
  const { id } = await all.unstuck.enqueue(assemble, {});
  const job = await all.unstuck.wait(id);
  expect(job).toMatchObject({ state: 'completed', result: 'told late', attempt: 1 });
});
