// Lists: a hundred thousand jobs page without loss or repeats while jobs are added and end, and heavy questions starve nobody.
import { expect, test } from 'vitest';
import { createHandler, type Handler } from '../../src/http/index.ts';
import { gate, job, setup } from '../support/unstuck.ts';

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly next_cursor: string | null;
}

const JOBS = 100_000;
const PAGE = 1_000;

async function page(handle: Handler, query: string): Promise<Page> {
  const response = await handle(new Request(`http://localhost/v1/jobs?${query}`));
  expect(response.status).toBe(200);
  return (await response.json()) as Page;
}

test('a list of 100,000 jobs pages without loss or repeats while jobs are added and end', async () => {
  const { unstuck, query } = await setup({ sweep: false });
  // A thousand of them were made in the same millisecond.
  await query(
    `insert into unstuck.jobs (id, seq, type, input, claim_by, attempts_max, claim_within_ms, waits_for, wake_at)
      select (lpad(to_hex(1800000000000 + n / 1000), 12, '0') || '7' || lpad(to_hex(n % 1000), 3, '0') || '8' || lpad(to_hex(n), 13, '0') || '00')::uuid,
        nextval('unstuck.jobs_seq_seq'), 'listed', '{}', clock_timestamp() + interval '1 day', 5, 300000, null, null
      from generate_series(1, ${JOBS}) n`,
  );
  const there = await query<{ id: string }>('select id from unstuck.jobs');
  const handle = createHandler(unstuck);
  const seen: string[] = [];
  for (let cursor: string | null = '', pages = 0; cursor !== null; pages += 1) {
    const { data, next_cursor }: Page = await page(
      handle,
      `type=listed&limit=${PAGE}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    seen.push(...data.map(({ id }) => id));
    cursor = next_cursor;
    await unstuck.enqueue('listed', { added: pages });
    // One that was seen ends, and one that was not.
    for (const id of [seen[pages], there[pages]?.id])
      if (id !== undefined) await unstuck.cancel(id).catch(() => undefined);
  }
  const known = new Set(there.map(({ id }) => id));
  const old = seen.filter((id) => known.has(id));
  expect(new Set(seen).size).toBe(seen.length);
  expect(old.length).toBe(JOBS);
});

test('a cursor only fits the filter that it came with', async () => {
  const { unstuck } = await setup({ sweep: false });
  await unstuck.enqueueMany('a', [{ input: 1 }, { input: 2 }, { input: 3 }]);
  const handle = createHandler(unstuck);
  const { next_cursor } = await page(handle, 'type=a&limit=1');
  expect((await page(handle, `type=a&limit=2&cursor=${next_cursor}`)).data).toHaveLength(2);
  const other = await handle(new Request(`http://localhost/v1/jobs?type=b&cursor=${next_cursor}`));
  expect(other.status).toBe(422);
  expect(await other.json()).toMatchObject({ code: 'REQUEST_INVALID' });
});

test('whoever lists while the tables are locked waits by himself: jobs run on, and he is told after five seconds', async () => {
  const { unstuck, session } = await setup();
  const held = gate();
  const started = gate();
  const work = job('run', () => {
    started.open();
    return held.promise;
  });
  await unstuck.work([work]);
  const locker = await session();
  await locker.query('begin; lock table unstuck.finished in access exclusive mode');
  const handle = createHandler(unstuck);
  const asked = Array.from({ length: 20 }, async () =>
    handle(new Request('http://localhost/v1/jobs')),
  );
  const { id } = await unstuck.enqueue(work, {});
  await started.promise;
  const answers = await Promise.all(asked);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
  expect(await (answers[0] as Response).json()).toMatchObject({ code: 'QUERY_TIMEOUT' });
  expect((answers[0] as Response).headers.get('retry-after')).toBe('2');
  await locker.query('rollback');
  held.open();
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
});
