// The laws of remote workers as people see them, in a program.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { defineJob } from '../../src/domain/define-job.ts';
import { defineTarget } from '../../src/domain/define-target.ts';
import { findDefinitions, findTargets } from '../../src/domain/find-definitions.ts';
import {
  accepts,
  begin,
  completes,
  HERE,
  remoteWorker,
  SECRET,
  targetAt,
} from '../engine/targets/support/remote-worker.ts';
import { anything, eventually, setup } from '../support/unstuck.ts';

test('targets are found among the exports of a module, by themselves or in lists', () => {
  const one = defineTarget({ name: 'one', url: 'http://a.example', secret: SECRET });
  const two = defineTarget({ name: 'two', url: 'http://b.example', secret: SECRET });
  const job = defineJob({ type: 'assemble', input: anything, target: one });
  const exports = { one, list: [one, two, job], job, text: 'x', none: null };
  expect(findTargets(exports)).toEqual([one, two]);
  expect(findDefinitions(exports)).toEqual([job]);
});

test('a paused target that is down is asked by nobody, until it is resumed', async () => {
  const { unstuck, worker, enqueue, query } = await begin({ probe: { every: '1s' } });
  await worker.down();
  const id = await enqueue();
  await eventually(async () => (await unstuck.targets.get('assembler')).probes > 0, 'it is asked');
  await unstuck.targets.pause('assembler', { reason: 'moving', by: 'ann' });
  const before = await unstuck.targets.get('assembler');
  await query(`update unstuck.targets set next_probe_at = now() - interval '1 hour'`);
  await unstuck.tick();
  expect(await unstuck.targets.get('assembler')).toMatchObject({
    probes: before.probes,
    words: expect.stringContaining('paused since'),
  });
  await worker.up();
  expect(await unstuck.targets.probe('assembler')).toMatchObject({
    answered: true,
    target: { state: 'down' },
  });
  await unstuck.targets.resume('assembler');
  expect(await unstuck.wait(id)).toMatchObject({ state: 'completed', attempt: 1 });
});

test('N8: a target that asks to be sent nothing is told as busy until then', async () => {
  const { unstuck, worker, enqueue } = await begin();
  worker.answer((_, response) => void response.writeHead(429, { 'retry-after': '600' }).end());
  const id = await enqueue();
  await eventually(async () => (await unstuck.get(id))?.waitsFor === 'target', 'it waits');
  const target = await unstuck.targets.get('assembler');
  expect(target).toMatchObject({ state: 'up', usable: false, holdUntil: expect.any(Date) });
  expect((await unstuck.status()).targets).toEqual([
    {
      name: 'assembler',
      state: 'busy',
      words: target.words,
      since: null,
      parked: 1,
    },
  ]);
  expect(await unstuck.targets.noticeFor('assemble')).toMatchObject({ code: 'TARGET_BUSY' });
});

test('of several targets nothing is told while one takes jobs', async () => {
  const [first, second] = [await remoteWorker(), await remoteWorker()];
  const all = await setup(HERE);
  const assemble = defineJob({
    type: 'assemble',
    input: anything,
    target: [targetAt(first, { name: 'first' }), targetAt(second, { name: 'second' })],
  });
  await all.unstuck.work([assemble]);
  await all.unstuck.targets.pause('first');
  expect(await all.unstuck.targets.noticeFor('assemble')).toBeNull();
  const { id } = await all.unstuck.enqueue(assemble, {});
  expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed' });
  expect(await all.unstuck.targets.sendingOf({ id, type: 'assemble' })).toMatchObject({
    target: 'second',
    url: second.url,
    sentTimes: 1,
    parkedAt: null,
  });
  const listed = await all.unstuck.targets.list({ after: 'first', limit: 1 });
  expect(listed).toEqual([expect.objectContaining({ name: 'second', types: ['assemble'] })]);
});

test('a process that has not defined a type tells of its target too', async () => {
  const { connect, worker, unstuck, enqueue } = await begin({ failuresMax: 1 });
  const other = await connect({ sweep: false });
  expect(await other.targets.noticeFor('assemble')).toBeNull();
  expect(await other.targets.noticeFor('unheard-of')).toBeNull();
  await worker.down();
  await enqueue();
  await eventually(async () => (await unstuck.status()).targets.length > 0, 'it is down');
  await eventually(async () => (await other.targets.noticeFor('assemble')) !== null, 'it is told');
});

test('no pull worker passes for a target, and none can sign it off', async () => {
  const { unstuck, worker, enqueue, query } = await begin();
  worker.answer(accepts);
  const id = await enqueue();
  await eventually(async () => (await unstuck.targets.get('assembler')).accepted === 1, 'accepted');
  const [row] = await query<{ id: string }>('select worker_id::text as id from unstuck.targets');
  const name = row?.id ?? randomUUID();
  await expect(unstuck.pull.claim(name, { types: ['assemble'] })).rejects.toThrow();
  await unstuck.pull.stop(name).catch(() => undefined);
  expect(await unstuck.get(id)).toMatchObject({ state: 'running', workerId: name });
  worker.answer(completes);
});

test('a pause is refused with options that there are not, and for a target that there is not', async () => {
  const { unstuck } = await begin();
  const { targets } = unstuck;
  await expect(targets.pause('none')).rejects.toMatchObject({ code: 'TARGET_UNKNOWN' });
  await expect(targets.resume('none')).rejects.toMatchObject({ code: 'TARGET_UNKNOWN' });
  await expect(targets.probe('none')).rejects.toMatchObject({ code: 'TARGET_UNKNOWN' });
  await expect(targets.pause('assembler', { until: new Date(0) })).rejects.toMatchObject({
    code: 'TIME_INVALID',
  });
  await expect(targets.pause('assembler', { untill: 1 } as never)).rejects.toMatchObject({
    code: 'OPTION_UNKNOWN',
  });
  await expect(targets.pause('assembler', { reason: 'a\0b' })).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
  });
  await expect(targets.list({ limit: 0 })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  expect(await targets.verifyCallback('no-uuid', 'callback_x')).toBeUndefined();
});
