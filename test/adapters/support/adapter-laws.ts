// The laws that hold for a job in the caller's transaction, whatever library the transaction is from.
import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import {
  type ConnectOptions,
  defineJob,
  type EnqueueCall,
  type Unstuck,
} from '../../../src/index.ts';
import { setup } from '../../support/unstuck.ts';

/** What a caller passes as `in`. */
export type In = NonNullable<EnqueueCall['in']>;

/** What the work of a test gets: the transaction for `in`, and the library's own way to run a statement in it. */
export interface Inside {
  readonly tx: In;
  /** Runs one statement without values and returns its rows. */
  readonly query: (text: string) => Promise<readonly Record<string, unknown>[]>;
}

/** One library, connected to a test's database. */
export interface Library {
  /** Runs `work` in a transaction that commits when it resolves and rolls back when it rejects. */
  transaction<T>(work: (inside: Inside) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const note = defineJob({
  type: 'note',
  input: z.object({ text: z.string() }),
  run: (job) => ({ length: job.input.text.length }),
});
const INPUT = { text: 'it\'s "quoted", a ? and a :name, $1, \\ and ü' };
const AWKWARD_KEY = 'a "key", with \\ { } ? :p1 $1';

/** Registers the laws for one library. */
export function adapterLaws(open: (url: string) => Promise<Library> | Library): void {
  test('commit stores the job, and its writes beside it', async () => {
    const { unstuck, library } = await connect(open);
    const { id, created, reason } = await library.transaction(async ({ tx, query }) => {
      await query('insert into mine values (1)');
      return unstuck.enqueue(note, INPUT, { in: tx, priority: 7, key: AWKWARD_KEY, tags: ['a'] });
    });
    expect({ created, reason }).toEqual({ created: true, reason: 'created' });
    expect(await unstuck.get(id)).toMatchObject({
      state: 'queued',
      input: INPUT,
      priority: 7,
      key: AWKWARD_KEY,
      tags: ['a'],
    });
  });

  test('rollback leaves nothing', async () => {
    const { unstuck, library } = await connect(open);
    let id = '';
    const failed = library.transaction(async ({ tx, query }) => {
      await query('insert into mine values (1)');
      ({ id } = await unstuck.enqueue(note, INPUT, { in: tx }));
      throw new Error('changed my mind');
    });
    await expect(failed).rejects.toThrow('changed my mind');
    expect(await unstuck.get(id)).toBeUndefined();
    expect((await unstuck.list()).jobs).toEqual([]);
  });

  test('the row is written by the very transaction of the caller', async () => {
    const { unstuck, library } = await connect(open);
    await library.transaction(async ({ tx, query }) => {
      const { id } = await unstuck.enqueue(note, INPUT, { in: tx });
      const [own] = await query('select pg_current_xact_id()::text as id');
      const [job] = await query(`select xmin::text as id from unstuck.jobs where id = '${id}'`);
      expect(job).toEqual(own);
      expect(await unstuck.get(id)).toBeUndefined();
    });
  });

  test('a live key answers key-live with the id of its job, and the transaction goes on', async () => {
    const { unstuck, library } = await connect(open);
    const first = await unstuck.enqueue(note, INPUT, { key: AWKWARD_KEY });
    const answers = await library.transaction(async ({ tx }) => [
      await unstuck.enqueue(note, INPUT, { in: tx, key: AWKWARD_KEY }),
      await unstuck.enqueue(note, INPUT, { in: tx, key: 'own' }),
      await unstuck.enqueue(note, INPUT, { in: tx, key: 'own' }),
    ]);
    expect(answers[0]).toEqual({ id: first.id, created: false, reason: 'key-live' });
    expect(answers[1]).toMatchObject({ created: true });
    expect(answers[2]).toEqual({ id: answers[1]?.id, created: false, reason: 'key-live' });
    expect((await unstuck.list()).jobs).toHaveLength(2);
  });

  test('many jobs are stored together, and a repeated key among them answers with the first', async () => {
    const { unstuck, library } = await connect(open);
    const keyed = [{ key: 'k' }, {}, { key: 'k' }].map((own) => ({ input: INPUT, ...own }));
    const answers = await library.transaction(({ tx }) =>
      unstuck.enqueueMany(
        note,
        [...keyed, ...Array.from({ length: 497 }, () => ({ input: INPUT }))],
        { in: tx },
      ),
    );
    expect(answers).toHaveLength(500);
    expect(answers[2]).toEqual({ id: answers[0]?.id, created: false, reason: 'key-live' });
    expect(answers.filter(({ created }) => created)).toHaveLength(499);
  });

  test('a job created at COMMIT is picked up at once by a worker that hardly ever polls', async () => {
    const { unstuck, library } = await connect(open, { pollInterval: '1h', sweep: false });
    const worker = await unstuck.work([note]);
    const { id } = await library.transaction(({ tx }) => unstuck.enqueue(note, INPUT, { in: tx }));
    const job = await unstuck.wait(id, { timeout: '1m', as: note });
    expect(job).toMatchObject({ state: 'completed', result: { length: INPUT.text.length } });
    await worker.stop();
  });
}

async function connect(
  open: (url: string) => Promise<Library> | Library,
  options: ConnectOptions = {},
): Promise<{ unstuck: Unstuck; library: Library }> {
  const { unstuck, url, query } = await setup(options);
  await query('create table mine (n integer)');
  const library = await open(url);
  onTestFinished(() => library.close());
  return { unstuck, library };
}
