// The laws of changes of many jobs when something breaks: what was committed is counted once, and a repeat does only the rest.
import { expect, onTestFinished, test } from 'vitest';
import type { BulkAction } from '../../src/domain/bulk.ts';
import type { Unstuck } from '../../src/unstuck.ts';
import { TcpProxy } from '../support/proxy.ts';
import { eventually, type Setup, setup } from '../support/unstuck.ts';

/** The whole text of the statement, so that `read committed` is not taken for it. */
const COMMIT = 'commit\0';

interface Far extends Setup {
  readonly proxy: TcpProxy;
  /** The same installation, reached through the proxy. */
  readonly far: Unstuck;
}

async function farSetup(): Promise<Far> {
  const all = await setup({ sweep: false });
  const proxy = await TcpProxy.start(all.url);
  onTestFinished(() => proxy.close());
  return { ...all, proxy, far: await all.connect({ database: proxy.url }) };
}

async function enqueue(unstuck: Unstuck, count: number): Promise<string[]> {
  const items = Array.from({ length: count }, (_, input) => ({ input }));
  return (await unstuck.enqueueMany('mail', items)).map(({ id }) => id);
}

/** Jobs in the state from which the action takes them. */
async function prepare({ unstuck }: Far, action: BulkAction, count: number): Promise<string[]> {
  const ids = await enqueue(unstuck, count);
  if (action === 'retry') await unstuck.bulk.cancel({ ids });
  return ids;
}

async function changed({ query }: Far, action: BulkAction): Promise<number> {
  const [row] = await query<{ live: number; ended: number }>(
    `select (select count(*)::int from unstuck.jobs) as live, (select count(*)::int from unstuck.finished) as ended`,
  );
  if (action === 'retry') return row?.live ?? 0;
  return action === 'cancel' ? (row?.ended ?? 0) : 100 - (row?.live ?? 0);
}

for (const action of ['retry', 'cancel', 'delete'] as const)
  test(`F2: a bulk ${action} whose connection is lost at every reply counts each job once`, async () => {
    const all = await farSetup();
    const { far, proxy, unstuck } = all;
    const ids = await prepare(all, action, 100);
    // The statement ran and its transaction did not; the commit ran and nobody heard of it, twice; the entry was closed and nobody heard of it.
    const cuts: Readonly<Record<number, string>> = {
      20: `${action}-jobs`,
      40: COMMIT,
      60: COMMIT,
      100: 'note-audit',
    };
    const result = await far.bulk[action](
      { ids },
      {
        chunk: 20,
        onProgress: ({ done }) => {
          const next = cuts[done];
          if (next !== undefined) proxy.cutReplyTo(next);
        },
      },
    );
    expect(proxy.cut).toBe(4);
    expect(result).toMatchObject({ matched: 100, done: 100, refused: [], refusedCount: 0 });
    expect(await changed(all, action)).toBe(100);
    const [entry] = (await unstuck.audit.list()).entries;
    expect(entry).toMatchObject({
      id: result.auditId,
      detail: { done: 100, refused: 0, ended: true },
    });
    if (action === 'delete') return;
    for (const id of ids) {
      const kinds = (await unstuck.history(id)).map(({ kind }) => kind);
      expect(kinds).toEqual(action === 'retry' ? ['cancelled', 'retried'] : ['cancelled']);
    }
  });

test('a refusal in a chunk whose commit was not answered is told all the same', async () => {
  const { far, proxy, unstuck } = await farSetup();
  const ids = await enqueue(unstuck, 10);
  await unstuck.cancel(ids[3] ?? '');
  proxy.cutReplyTo(COMMIT);
  const result = await far.bulk.cancel({ ids });
  expect(proxy.cut).toBe(1);
  expect(result).toMatchObject({ matched: 10, done: 9, refusedCount: 1 });
  expect(result.refused).toMatchObject([
    { id: ids[3], state: 'cancelled', code: 'JOB_STATE_CONFLICT' },
  ]);
});

test('a bulk that dies between chunks leaves whole chunks done, and a repeat does the rest: every job exactly once', async () => {
  const all = await farSetup();
  const { far, proxy, unstuck, query } = all;
  const ids = await prepare(all, 'retry', 100);
  const filter = { type: 'mail', state: 'cancelled' } as const;
  const dying = far.bulk.retry(
    { filter },
    {
      chunk: 20,
      onProgress: ({ done }) => {
        if (done < 40) return;
        // What the end of its process does: no more statements, and no more connections.
        proxy.refuse(true);
        proxy.reset();
        throw new Error('the process ended');
      },
    },
  );
  await expect(dying).rejects.toThrow('the process ended');
  expect((await unstuck.count({ state: 'queued' })).count).toBe(40);
  expect((await unstuck.audit.list()).entries[0]?.detail).toMatchObject({
    matched: 100,
    done: 40,
    ended: false,
  });
  expect(await unstuck.bulk.retry({ filter }, { chunk: 20 })).toMatchObject({
    matched: 60,
    done: 60,
  });
  const retried = await query<{ job_id: string }>(
    `select job_id::text from unstuck.events where kind = 'retried' order by job_id`,
  );
  expect(retried.map(({ job_id }) => job_id)).toEqual(ids.toSorted());
  expect((await unstuck.count({ state: 'queued' })).count).toBe(100);
});

test('two people who do the same to the same jobs at the same time do each job once', async () => {
  const all = await farSetup();
  const { far, unstuck, query } = all;
  for (const action of ['cancel', 'retry', 'delete'] as const) {
    if (action === 'cancel') await enqueue(unstuck, 100);
    const filter = { type: 'mail' };
    const results = await Promise.all(
      [far, unstuck, far].map((one) => one.bulk[action]({ filter }, { chunk: 17 })),
    );
    expect(
      results.reduce((sum, { done }) => sum + done, 0),
      action,
    ).toBe(100);
  }
  expect(await query('select from unstuck.all_jobs')).toEqual([]);
});

test('an outage in the middle of a bulk is waited for', async () => {
  const { far, proxy, unstuck } = await farSetup();
  const ids = await enqueue(unstuck, 60);
  let outage: Promise<unknown> = Promise.resolve();
  const result = await far.bulk.delete(
    { ids },
    {
      chunk: 20,
      onProgress: ({ done }) => {
        if (done !== 20) return;
        proxy.refuse(true);
        proxy.reset();
        outage = eventually(() => proxy.connections === 0, 'the connections are gone').then(() =>
          proxy.refuse(false),
        );
      },
    },
  );
  await outage;
  expect(result).toMatchObject({ matched: 60, done: 60, refusedCount: 0 });
});

test('a change behind the answer whose start was not answered is started once', async () => {
  const { far, proxy, unstuck } = await farSetup();
  await enqueue(unstuck, 10);
  proxy.cutReplyTo('open-action');
  const { id } = await far.bulkActions.start('cancel', { filter: { type: 'mail' } });
  expect(proxy.cut).toBe(1);
  await far.bulkActions.idle();
  expect(await unstuck.bulkActions.get(id)).toMatchObject({ state: 'done', done: 10 });
  expect((await unstuck.bulkActions.list()).actions).toHaveLength(1);
});
