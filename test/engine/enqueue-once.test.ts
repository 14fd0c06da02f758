// The laws of enqueueOnce: a job whose id comes from elsewhere is stored once, whoever sends it when, and each caller is told.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkJob, type NewJob } from '../../src/domain/new-job.ts';
import { parseConfig } from '../../src/domain/options.ts';
import { Enqueuer } from '../../src/engine/enqueuer.ts';
import type { EnqueueOptions } from '../../src/index.ts';
import { TcpProxy } from '../support/proxy.ts';
import { eventually, job, type Setup, setup } from '../support/unstuck.ts';

const silent = (): void => undefined;
const LOG = { debug: silent, info: silent, warn: silent, error: silent };

/** A job that somebody else has given its id. */
function sent(n: number, options: EnqueueOptions = {}): NewJob {
  const id = `${randomUUID().slice(0, 34)}00`;
  const checked = checkJob('order', undefined, { n }, options, parseConfig({}, {}), Date.now());
  return { ...checked, id, size: 200 };
}

function enqueuer({ database }: Setup): Enqueuer {
  return new Enqueuer(database(), LOG, silent);
}

async function outcomes(by: Enqueuer, jobs: readonly NewJob[]): Promise<string[]> {
  const settled = await by.enqueueOnce(jobs);
  return settled.map((one) =>
    one.status === 'fulfilled' ? one.value.reason : String((one.reason as { code?: string }).code),
  );
}

test('a job is stored by the first who sends it, and the others are told so: live, running or ended (A2)', async () => {
  const all = await setup();
  const by = enqueuer(all);
  const jobs = [sent(1), sent(2, { key: 'k' }), sent(3, { delay: '1h' })];
  expect(await outcomes(by, jobs)).toEqual(['created', 'created', 'created']);
  expect(await outcomes(by, jobs)).toEqual(['repeated', 'repeated', 'repeated']);
  await all.unstuck.work([job('order', () => undefined)]);
  await eventually(
    async () => (await all.query(`select from unstuck.finished`)).length === 2,
    'two have ended',
  );
  expect(await outcomes(by, [...jobs, sent(4)])).toEqual([
    'repeated',
    'repeated',
    'repeated',
    'created',
  ]);
  await by.stop();
  expect(await all.query(`select from unstuck.all_jobs`)).toHaveLength(4);
});

test('of many who send the same at once one stores it', async () => {
  const all = await setup();
  const jobs = Array.from({ length: 200 }, (_, n) => sent(n));
  const many = Array.from({ length: 8 }, () => enqueuer(all));
  const answers = await Promise.all(many.map((by) => outcomes(by, jobs)));
  await Promise.all(many.map((by) => by.stop()));
  expect(await all.query(`select from unstuck.all_jobs`)).toHaveLength(200);
  for (const index of jobs.keys())
    expect(answers.filter((own) => own[index] === 'created')).toHaveLength(1);
});

test('a reply that is lost stores nothing twice, also when the jobs have run before the repeat', async () => {
  const all = await setup();
  const proxy = await TcpProxy.start(all.url);
  const through = await all.connect({ database: proxy.url });
  const by = enqueuer({
    ...all,
    database: (options = {}) => all.database({ ...options, database: proxy.url }),
  });
  await through.work([job('order', () => undefined)]);
  proxy.cutReplyTo('commit');
  const jobs = Array.from({ length: 20 }, (_, n) => sent(n));
  expect(await outcomes(by, jobs)).toHaveLength(20);
  await by.stop();
  await eventually(
    async () => (await all.query(`select from unstuck.finished`)).length >= 20,
    'all have run',
  );
  expect(await all.query(`select from unstuck.all_jobs`)).toHaveLength(20);
  await through.close();
  await proxy.close();
});

test('linked jobs too: a slot is taken once, and given back once', async () => {
  const all = await setup();
  await all.unstuck.pools.set('acme', { capacity: 5 });
  const by = enqueuer(all);
  const jobs = [sent(1, { slot: 'acme' }), sent(2, { slot: 'acme' })];
  expect(await outcomes(by, jobs)).toEqual(['created', 'created']);
  expect(await outcomes(by, jobs)).toEqual(['repeated', 'repeated']);
  expect((await all.unstuck.pools.get('acme'))?.reserved).toBe(2);
  await all.unstuck.work([job('order', () => undefined)]);
  await eventually(
    async () => (await all.unstuck.pools.get('acme'))?.processed === 2,
    'both have ended',
  );
  expect(await outcomes(by, jobs)).toEqual(['repeated', 'repeated']);
  await by.stop();
  expect(await all.unstuck.pools.get('acme')).toMatchObject({ reserved: 0, processed: 2 });
});

test('one that PostgreSQL refuses keeps no other from being stored (A13)', async () => {
  const all = await setup();
  await all.query(
    `alter table unstuck.jobs add constraint no_seven check (input ->> 'n' <> '7') not valid`,
  );
  const by = enqueuer(all);
  expect(await outcomes(by, [sent(6), sent(7), sent(8)])).toEqual([
    'created',
    'ENQUEUE_REFUSED',
    'created',
  ]);
  await by.stop();
});
