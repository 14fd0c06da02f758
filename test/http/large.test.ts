// The laws of answers with many large jobs: they are cut by what they hold, and what was left out comes with the next one.
import { expect, test } from 'vitest';
import { Remote } from '../support/remote.ts';
import { type HttpSetup, httpSetup } from './support/client.ts';

/** Jobs whose inputs have a megabyte each; the database keeps them small. */
async function withLarge(count: number): Promise<HttpSetup> {
  const all = await httpSetup({ sweep: true });
  await all.unstuck.enqueueMany(
    'large',
    Array.from({ length: count }, () => ({ input: 'a'.repeat(1_000_000) })),
  );
  return all;
}

test('a page is cut at 16 MiB, and the next one goes on behind it', async () => {
  const { ask, unstuck } = await withLarge(40);
  const ids: string[] = [];
  const sizes: number[] = [];
  for (let cursor = '', more = true; more; ) {
    const { status, body } = await ask(`GET /v1/jobs?limit=1000${cursor}`);
    expect(status).toBe(200);
    ids.push(...body.data.map(({ id }) => id));
    sizes.push(body.data.length);
    more = body.next_cursor !== null;
    cursor = `&cursor=${body.next_cursor}`;
  }
  expect(sizes).toEqual([16, 16, 8]);
  expect(new Set(ids).size).toBe(40);
  expect((await unstuck.list({ limit: 1 })).jobs).toHaveLength(1);
});

test('a claim takes no more large jobs than an answer can hold, and leaves the others untouched', async () => {
  const all = await withLarge(100);
  const { unstuck, query } = all;
  const { body } = await new Remote(unstuck).claim({ types: ['large'], max: 100 });
  expect(body.jobs).toHaveLength(12);
  expect(await unstuck.count({ state: 'queued' })).toMatchObject({ count: 88 });
  expect(await query('select from unstuck.attempts')).toEqual([]);
  await unstuck.enqueueMany(
    'small',
    Array.from({ length: 100 }, (_, input) => ({ input })),
  );
  const small = await new Remote(unstuck).claim({ types: ['small'], max: 100 });
  expect(small.body.jobs.map(({ input }) => input)).toEqual(
    Array.from({ length: 100 }, (_, input) => input),
  );
});

test('a page of the audit is cut too: edited inputs may be large', async () => {
  const { ask, query } = await httpSetup();
  await query(
    `insert into unstuck.audit (id, at, action, detail)
    select gen_random_uuid(), unstuck.clock(), 'retry', jsonb_build_object('request', jsonb_build_object('input', repeat('a', 1000000)), 'ended', true)
    from generate_series(1, 40)`,
  );
  const { status, body } = await ask('GET /v1/audit?limit=1000');
  expect([status, body.data.length, body.next_cursor === null]).toEqual([200, 16, false]);
  const next = await ask(`GET /v1/audit?limit=1000&cursor=${body.next_cursor}`);
  expect(next.body.data[0]?.id).not.toBe(body.data[15]?.id);
  expect(await ask('GET /v1/bulk-actions?limit=1000')).toMatchObject({ status: 200 });
});
