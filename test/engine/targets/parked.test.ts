// Jobs that wait for a target are live jobs like others: cancelled, expired, limited, paused and healed as these are.
import { expect, test } from 'vitest';
import { eventually } from '../../support/unstuck.ts';
import { type Begun, begin, completes, parked, stands } from './support/remote-worker.ts';

/** A target that is down, for which so many jobs wait. */
async function down(
  count: number,
  target: Parameters<typeof begin>[0] = {},
  job: Parameters<typeof begin>[1] = {},
): Promise<Begun & { readonly ids: readonly string[] }> {
  const all = await begin({ failuresMax: 1, ...target }, job);
  await all.worker.down();
  const ids: string[] = [];
  for (let one = 0; one < count; one += 1) ids.push(await all.enqueue(one));
  await stands(all, 'down');
  await parked(all, count);
  return { ...all, ids };
}

const comesBack = async (all: Begun): Promise<void> => {
  await all.worker.up();
  await all.moveClock('1 minute 1 second');
};

test('a job that is cancelled while it waits is never sent', async () => {
  const all = await down(2);
  const [first = '', second = ''] = all.ids;
  await all.unstuck.cancel(first, { by: 'test' });
  await comesBack(all);
  expect(await all.unstuck.wait(second)).toMatchObject({ state: 'completed' });
  expect(await all.unstuck.get(first)).toMatchObject({ state: 'cancelled' });
  expect(all.worker.posts.map(({ sent }) => sent.id)).toEqual([second]);
});

test('a job whose finishBy passes while it waits fails as expired', async () => {
  const all = await down(1);
  const { id } = await all.unstuck.enqueue(all.assemble, 1, {
    finishBy: new Date(Date.now() + 30_000),
  });
  await parked(all, 2);
  await all.moveClock('45 seconds');
  const job = await all.unstuck.wait(id);
  expect(job).toMatchObject({ state: 'failed', error: { code: 'JOB_EXPIRED' } });
});

test('of the jobs that wait, those of a higher priority are sent first', async () => {
  const all = await down(2);
  const { id: urgent } = await all.unstuck.enqueue(all.assemble, 1, { priority: 5 });
  await parked(all, 3);
  await comesBack(all);
  await eventually(() => all.worker.posts.length === 3, 'all are sent');
  expect(all.worker.posts[0]?.sent.id).toBe(urgent);
});

test('a job that waits gives up its place at a limit, and comes back to it by the gate', async () => {
  const all = await down(3, {}, { limit: { running: 1 } });
  let most = 0;
  let now = 0;
  all.worker.answer(async (got, response) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 20));
    now -= 1;
    await completes(got, response);
  });
  await comesBack(all);
  for (const id of all.ids) expect(await all.unstuck.wait(id)).toMatchObject({ attempt: 1 });
  expect(most).toBe(1);
});

test('S0.1: a job that waits keeps its slot, and gives it back at its end', async () => {
  const all = await begin({ failuresMax: 1 });
  await all.worker.down();
  await all.unstuck.pools.set('p', { capacity: 1 });
  const { id } = await all.unstuck.enqueue(all.assemble, 1, { slot: 'p' });
  await parked(all, 1);
  expect(await all.unstuck.pools.get('p')).toMatchObject({ reserved: 1 });
  await comesBack(all);
  expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed' });
  expect(await all.unstuck.pools.get('p')).toMatchObject({ reserved: 0 });
});

test('jobs of a paused queue stay where they are when their target is back; it is not tried with them', async () => {
  const all = await down(3);
  await all.unstuck.queues.pause('default', { by: 'test', reason: 'test' });
  await comesBack(all);
  await stands(all, 'up');
  await all.moveClock('5 minutes');
  expect(await all.query(`select from unstuck.events where kind = 'unparked'`)).toEqual([]);
  await parked(all, 3);
  await all.unstuck.queues.resume('default');
  for (const id of all.ids) expect(await all.unstuck.wait(id)).toMatchObject({ attempt: 1 });
});

test('a backlog is parked in bounded batches, and told of in one line for each', async () => {
  const all = await down(1);
  await all.unstuck.queues.pause('default', { by: 'test', reason: 'test' });
  await all.unstuck.enqueueMany(
    all.assemble,
    Array.from({ length: 4_500 }, (_, input) => ({ input })),
  );
  await parked(all, 4_501);
  const counts = all.lines.flatMap(({ event, facts }) =>
    event === 'parked_jobs' ? [Number(facts['count'])] : [],
  );
  expect(Math.max(...counts)).toBeLessThanOrEqual(2_000);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(4_500);
});

test('E7: a job that can neither be parked nor sent on delays no other, and is set aside after three equal errors', async () => {
  const all = await down(3);
  await all.query(`create function refuse() returns trigger language plpgsql as
    $$ begin if new.input = '1' and new.worker_id is null then raise exception 'not this one'; end if; return new; end $$`);
  await all.query(
    'create trigger refuse before update on unstuck.jobs for each row execute function refuse()',
  );
  await comesBack(all);
  const [first = '', bad = '', last = ''] = all.ids;
  for (const id of [first, last])
    expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed' });
  expect(await all.unstuck.wait(bad)).toMatchObject({
    state: 'failed',
    error: { code: 'JOB_QUARANTINED' },
  });
});

test('E7: what fails of one kind of work for targets keeps the others from nothing', async () => {
  const all = await down(1);
  await all.query('alter table unstuck.dispatches rename column look_at to look_at_lost');
  await comesBack(all);
  await stands(all, 'half-open');
});

test('a target that is used for longer than the lease of its row holds its jobs all the same', async () => {
  const all = await begin();
  await all.query(
    `update unstuck.workers set lease_until = unstuck.clock() - interval '1 minute', state = 'dead', ended_at = unstuck.clock() where host = 'target'`,
  );
  const job = await all.unstuck.wait(await all.enqueue());
  expect(job).toMatchObject({ state: 'completed', attempt: 1, crashes: 0, token: '1' });
});

test('E7: a job that cannot be handed over to its target is tried at the pace of jobs that wait for one, keeps no other from being sent, and is sent when it can be', async () => {
  const all = await begin();
  await all.unstuck.queues.pause('default', { by: 'test', reason: 'test' });
  const id = await all.enqueue('bad');
  await all.query(
    `alter table unstuck.dispatches add constraint refused check (job_id <> '${id}')`,
  );
  await all.unstuck.queues.resume('default');
  await parked(all, 1);
  const other = await all.enqueue('good');
  expect(await all.unstuck.wait(other)).toMatchObject({ state: 'completed' });
  // While it is tried it has an attempt, which is taken back.
  const row = await eventually(async () => {
    const text = `select token::text, attempt from unstuck.jobs where id = $1 and waits_for = 'target'`;
    return (await all.query<{ token: string; attempt: number }>(text, [id]))[0];
  }, 'it waits again');
  expect(row.attempt).toBe(0);
  expect(Number(row.token)).toBeLessThan(10);
  await all.query(`alter table unstuck.dispatches drop constraint refused`);
  expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed', attempt: 1 });
});
