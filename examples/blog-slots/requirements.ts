// S0, slots: every requirement shown on real posts of a publisher that is made anew for it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Pool, Unstuck } from 'unstuck';
import { createHandler } from 'unstuck/http';
import { changeByHand } from '../by-hand.ts';
import { type Requirement, type Stage, until } from '../requirement.ts';
import { type PostInput, postJob } from './post-job.ts';
import { BROKEN, readPost } from './posts.ts';
import { quotaOf, setQuota, slotsOf } from './publishers.ts';

const GOOD = await readPost('a-slot-is-a-row');
const PROOF = 'proof-';
const PATIENCE = { timeout: '30s' } as const;

/** The requirements in their order. */
export const requirements: readonly Requirement[] = [
  { id: 'S0.1', says: 'a post that is retried keeps its one slot', check: retries },
  { id: 'S0.2', says: 'every other end gives it back, once', check: releases },
  { id: 'S0.3', says: 'a slot is given back and counted as processed at once', check: completions },
  { id: 'S0.4', says: 'a crash of the worker leaves the slot with the post', check: crashes },
  { id: 'S0.5', says: 'a post nobody picks up is seen, and can have a deadline', check: ignored },
  { id: 'S0.6', says: 'no pool, or an unknown one, is refused by name', check: unknownPools },
  { id: 'S0.7', says: 'reserved is the number of live posts, also by hand', check: drift },
  { id: 'S0.8', says: 'over the quota a post is refused, or waits', check: full },
];

/** A publisher that nobody has ever had posts of; those of earlier checks, which have none left, are forgotten. */
async function publisherWith(unstuck: Unstuck, slots: number): Promise<string> {
  const known = await unstuck.pools.list({ after: slotsOf(PROOF), limit: 1000 });
  for (const { key } of known) if (key.startsWith(slotsOf(PROOF))) await unstuck.pools.delete(key);
  const publisher = `${PROOF}${randomUUID().slice(0, 8)}`;
  await setQuota(unstuck, publisher, slots);
  return publisher;
}

function post(publisher: string, more: Partial<PostInput> = {}): PostInput {
  return { publisher, slug: 'a-slot-is-a-row', text: GOOD, ...more };
}

async function retries({ unstuck, work }: Stage): Promise<string> {
  const publisher = await publisherWith(unstuck, 2);
  const { id } = await unstuck.enqueue(postJob, post(publisher, { rehearse: 'transient' }));
  await work([postJob]);
  const waiting = await until(unstuck, id, (job) => job.waitsFor === 'retry');
  const between = await quotaOf(unstuck, publisher);
  const { attempt, state } = await unstuck.wait(id, PATIENCE);
  const after = await quotaOf(unstuck, publisher);
  assert.equal(waiting.error?.message.includes('image store'), true);
  assert.deepEqual([between.reserved, after.reserved, after.processed], [1, 0, 1]);
  return `reserved 1 while it waited for its retry, ${state} at attempt ${attempt}`;
}

async function releases({ unstuck, work }: Stage): Promise<string> {
  const publisher = await publisherWith(unstuck, 4);
  const seen: number[] = [];
  const look = async (): Promise<void> => {
    seen.push((await quotaOf(unstuck, publisher)).reserved);
  };
  const finishBy = new Date(Date.now() + 1_500);
  const expires = await unstuck.enqueue(postJob, post(publisher), { finishBy });
  const cancelled = await unstuck.enqueue(postJob, post(publisher), { delay: '1h' });
  const deleted = await unstuck.enqueue(postJob, post(publisher), { delay: '1h' });
  const broken = { slug: BROKEN, text: await readPost(BROKEN) };
  const fails = await unstuck.enqueue(postJob, post(publisher, broken));
  await look();
  unstuck.sweep();
  const expired = await unstuck.wait(expires.id, PATIENCE);
  await look();
  await unstuck.cancel(cancelled.id);
  await look();
  await unstuck.bulk.delete({ ids: [deleted.id] });
  await look();
  await work([postJob]);
  const failed = await unstuck.wait(fails.id, PATIENCE);
  await look();
  assert.deepEqual(seen, [4, 3, 2, 1, 0]);
  assert.equal(failed.error?.code, 'FRONT_MATTER_INVALID');
  assert.equal((await quotaOf(unstuck, publisher)).processed, 0);
  return `reserved ${seen.join(', ')} as one expired (${expired.error?.code}), one was cancelled, one deleted, one failed (${failed.error.code})`;
}

async function completions({ unstuck, work }: Stage): Promise<string> {
  const count = 60;
  const publisher = await publisherWith(unstuck, count);
  const items = Array.from({ length: count }, () => ({ input: post(publisher) }));
  await unstuck.enqueueMany(postJob, items);
  await work([postJob], { concurrency: 2 });
  const looks: Pool[] = [];
  do looks.push(await quotaOf(unstuck, publisher));
  while ((looks.at(-1)?.reserved ?? 0) > 0);
  for (const { reserved, processed } of looks) assert.equal(reserved + processed, count);
  return `reserved + processed was ${count} at each of ${looks.length} looks while ${count} posts completed`;
}

async function crashes({ unstuck, work, startWorkerProcess }: Stage): Promise<string> {
  const publisher = await publisherWith(unstuck, 1);
  const doomed = await startWorkerProcess(1);
  const { id } = await unstuck.enqueue(postJob, post(publisher, { rehearse: 'slow' }));
  const { workerId } = await until(unstuck, id, (job) => job.state === 'running');
  doomed.kill('SIGKILL');
  const after = await quotaOf(unstuck, publisher);
  await work([postJob]);
  const job = await unstuck.wait(id, PATIENCE);
  const end = await quotaOf(unstuck, publisher);
  assert.equal(after.reserved, 1);
  assert.deepEqual([job.state, job.crashes, job.workerId === workerId], ['completed', 1, false]);
  assert.deepEqual([end.reserved, end.processed], [0, 1]);
  return 'reserved 1 after kill -9; the post ran again elsewhere, and its slot was given back once';
}

async function ignored({ unstuck }: Stage): Promise<string> {
  const publisher = await publisherWith(unstuck, 1);
  const finishBy = new Date(Date.now() + 2_000);
  const options = { claimWithin: '100ms', finishBy } as const;
  const { id } = await unstuck.enqueue(postJob, post(publisher), options);
  await until(unstuck, id, (job) => job.late);
  const { oldest, reserved } = await quotaOf(unstuck, publisher);
  const finding = (await unstuck.stuck()).find(({ subject }) => subject === postJob.type);
  const { now } = await unstuck.status();
  assert.deepEqual([reserved, oldest?.id], [1, id]);
  const age = now.getTime() - Number(oldest?.since);
  unstuck.sweep();
  const { state, error } = await unstuck.wait(id, PATIENCE);
  assert.equal((await quotaOf(unstuck, publisher)).reserved, 0);
  assert.equal(state, 'failed');
  return `held for ${age} ms (${finding?.reason}), then ${error?.code} and released`;
}

async function unknownPools({ unstuck }: Stage): Promise<string> {
  const publisher = await publisherWith(unstuck, 1);
  const codes = [
    await codeOf(unstuck.enqueue(postJob, post('nobody'))),
    await codeOf(unstuck.enqueue(postJob, post(publisher), { slot: '' })),
    await codeOf(unstuck.enqueue(postJob, post(''))),
  ];
  assert.deepEqual(codes, ['POOL_UNKNOWN', 'POOL_INVALID', 'INPUT_INVALID']);
  assert.equal((await unstuck.list({ type: postJob.type, state: 'queued' })).jobs.length, 0);
  return `${codes.join(', ')}; nothing was stored`;
}

async function drift({ unstuck, work }: Stage): Promise<string> {
  const publisher = await publisherWith(unstuck, 8);
  const pool = slotsOf(publisher);
  for (let n = 0; n < 8; n += 1)
    await unstuck.enqueue(postJob, post(publisher), n % 2 === 0 ? { delay: '1h' } : {});
  const proof = async (): Promise<[reserved: number, holders: number, problems: number]> => {
    const { reserved } = await quotaOf(unstuck, publisher);
    const states = ['pending', 'queued', 'running'] as const;
    const pages = await Promise.all(states.map((state) => unstuck.list({ state, limit: 1000 })));
    const live = pages.flatMap(({ jobs }) => jobs).filter((job) => job.pool === pool);
    const problems = (await unstuck.pools.check()).filter(({ key }) => key === pool);
    return [reserved, live.length, problems.length];
  };
  assert.deepEqual(await proof(), [8, 8, 0]);
  const later = (await unstuck.list({ state: 'pending' })).jobs.filter((job) => job.pool === pool);
  const rows = 'delete from $schema.jobs where id = any ($1::uuid[])';
  await changeByHand(unstuck, rows, [later.slice(0, 2).map(({ id }) => id)]);
  assert.deepEqual(await proof(), [6, 6, 0]);
  await changeByHand(unstuck, 'delete from $schema.pools where key = $1', [pool]);
  const [found] = (await unstuck.pools.check()).filter(({ key }) => key === pool);
  const [repaired] = (await unstuck.pools.repair()).filter(({ key }) => key === pool);
  assert.deepEqual([found?.problem, await proof()], ['missing', [6, 6, 0]]);
  await work([postJob]);
  return `8 of 8; two rows deleted: 6 of 6; the pool deleted: ${found?.problem}, ${repaired?.repaired}`;
}

async function full({ unstuck, work }: Stage): Promise<string> {
  const publisher = await publisherWith(unstuck, 1);
  const first = await unstuck.enqueue(postJob, post(publisher));
  const refused = await codeOf(unstuck.enqueue(postJob, post(publisher)));
  const handle = createHandler(unstuck, { jobs: [postJob] });
  const answer = await handle(
    new Request('http://localhost/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: postJob.type, input: post(publisher) }),
    }),
  );
  const second = await unstuck.enqueue(postJob, post(publisher), { whenFull: 'wait' });
  const { waitsFor, next } = await until(unstuck, second.id, (job) => job.state === 'pending');
  await work([postJob]);
  const ended = await Promise.all([first, second].map(({ id }) => unstuck.wait(id, PATIENCE)));
  assert.deepEqual([refused, answer.status, waitsFor], ['SLOTS_EXHAUSTED', 409, 'slot']);
  assert(ended.every(({ state }) => state === 'completed'));
  return `${refused}, HTTP ${answer.status}; the one that waited (“${next}”) completed after the first`;
}

async function codeOf(refused: Promise<unknown>): Promise<string> {
  return refused.then(
    () => 'nothing was refused',
    (error: { readonly code: string }) => error.code,
  );
}
