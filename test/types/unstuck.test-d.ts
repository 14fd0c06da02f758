// Types: the object that users hold takes what a definition takes and gives what it gives.
import { CompiledQuery, type Transaction as KyselyTrx } from 'kysely';
import type pg from 'pg';
import { expectTypeOf } from 'vitest';
import * as z from 'zod';
import {
  type BulkResult,
  defineJob,
  type Enqueued,
  type Finding,
  fromKysely,
  fromQuery,
  type Job,
  type JobCount,
  type JobOf,
  type JobPage,
  type Schedule,
  type State,
  type Status,
  Unstuck,
  type Worker,
} from '../../src/index.ts';
import { type MailIn, zodMail } from './schemas.ts';

const mail = defineJob({ type: 'mail', input: zodMail, run: async () => ({ sent: 1 }) });
const bare = defineJob({ type: 'bare', input: zodMail, run: () => undefined });
const dated = defineJob({
  type: 'dated',
  input: z.object({ at: z.date(), note: z.string().optional() }),
  run: (job) => ({ list: [job.input.at], pair: [1, 'a'] as const }),
});

declare const unstuck: Unstuck;
declare const input: MailIn;

/** Compiled, never run. */
export async function enqueues(): Promise<void> {
  expectTypeOf(
    await unstuck.enqueue(mail, { to: 'a', due: '2026-01-01' }),
  ).toEqualTypeOf<Enqueued>();
  expectTypeOf(await unstuck.enqueue('any', { whatever: 1 })).toEqualTypeOf<Enqueued>();
  expectTypeOf(await unstuck.enqueueMany(mail, [{ input, key: 'k' }])).toEqualTypeOf<Enqueued[]>();
  // @ts-expect-error a field is missing
  await unstuck.enqueue(mail, { to: 'a' });
  // @ts-expect-error a field has the wrong type: a producer passes text, not what the handler reads
  await unstuck.enqueue(mail, { to: 'a', due: new Date() });
  // @ts-expect-error a field is unknown
  await unstuck.enqueue(mail, { to: 'a', due: '', bcc: 'b' });
  // @ts-expect-error the input is missing
  await unstuck.enqueue(mail);
  // @ts-expect-error one of many is wrong
  await unstuck.enqueueMany(mail, [{ input }, { input: { to: 1, due: '' } }]);
  // @ts-expect-error an option that does not exist
  await unstuck.enqueue(mail, input, { prio: 1 });
  // @ts-expect-error runAt is a Date
  await unstuck.enqueue(mail, input, { runAt: '2026-01-01' });
}

/** Compiled, never run. */
export async function transactions(
  client: pg.PoolClient,
  pool: pg.Pool,
  trx: KyselyTrx<{ mine: { n: number } }>,
): Promise<void> {
  await unstuck.enqueue(mail, input, { in: client });
  await unstuck.enqueueMany(mail, [{ input }], { in: client });
  await unstuck.enqueue(mail, input, { in: fromKysely(trx, CompiledQuery) });
  await unstuck.enqueue(mail, input, { in: fromQuery(async (text, values) => [text, values]) });
  // @ts-expect-error a pool is no transaction
  await unstuck.enqueue(mail, input, { in: pool });
  // @ts-expect-error a transaction of Kysely needs its adapter
  await unstuck.enqueue(mail, input, { in: trx });
}

/** Compiled, never run. */
export async function reads(): Promise<void> {
  expectTypeOf(await unstuck.get('id')).toEqualTypeOf<Job | undefined>();
  const typed = await unstuck.get('id', { as: mail });
  expectTypeOf(typed).toEqualTypeOf<JobOf<typeof mail> | undefined>();
  expectTypeOf(typed?.input).toEqualTypeOf<MailIn | undefined>();
  expectTypeOf(typed?.result).toEqualTypeOf<{ sent: number } | null | undefined>();
  expectTypeOf(typed?.state).toEqualTypeOf<State | undefined>();

  expectTypeOf(await unstuck.wait('id', { timeout: '5s' })).toEqualTypeOf<Job>();
  const ended = await unstuck.wait('id', { as: mail, timeout: 1_000 });
  expectTypeOf(ended.result).toEqualTypeOf<{ sent: number } | null>();
  expectTypeOf((await unstuck.wait('id', { as: bare })).result).toEqualTypeOf<null>();
  // What JSON changes is typed as it is read.
  const read = await unstuck.wait('id', { as: dated });
  expectTypeOf(read.input).toEqualTypeOf<{ at: string; note?: string | undefined }>();
  expectTypeOf(read.result).toEqualTypeOf<{ list: string[]; pair: readonly [1, 'a'] } | null>();

  expectTypeOf(await unstuck.list({ state: 'failed' })).toEqualTypeOf<JobPage>();
  expectTypeOf(await unstuck.status()).toEqualTypeOf<Status>();
  expectTypeOf(await unstuck.stuck()).toEqualTypeOf<Finding[]>();
  expectTypeOf(await unstuck.work([mail, bare], { concurrency: 2 })).toEqualTypeOf<Worker>();
  // @ts-expect-error there is no such state
  await unstuck.list({ state: 'done' });
  // @ts-expect-error there is no such filter
  await unstuck.list({ states: ['failed'] });
  expectTypeOf(await unstuck.count({ state: ['failed', 'running'] })).toEqualTypeOf<JobCount>();
  // @ts-expect-error a job is not worked by its name
  await unstuck.work(['mail']);
}

/** Compiled, never run. */
export async function changes(): Promise<void> {
  expectTypeOf(await unstuck.retry('id', { by: 'ann', input: 1 })).toEqualTypeOf<Job>();
  expectTypeOf(await unstuck.retry('id', { as: mail, input })).toEqualTypeOf<Job>();
  // @ts-expect-error the input does not fit its definition
  await unstuck.retry('id', { as: mail, input: 1 });
  const chosen = await unstuck.bulk.delete({ filter: { state: 'failed' } }, { dryRun: true });
  expectTypeOf(chosen).toEqualTypeOf<BulkResult>();
  // @ts-expect-error only a retry has an input
  await unstuck.bulk.cancel({ ids: ['id'] }, { input: 1 });
  // @ts-expect-error a selection is one of both
  await unstuck.bulk.cancel({});
  expectTypeOf((await unstuck.resetStuck()).jobIds).toEqualTypeOf<readonly string[]>();
}

/** Compiled, never run. */
export async function connects(): Promise<void> {
  await Unstuck.connect();
  await Unstuck.connect({ database: 'postgres://…', unknownTypes: 'refuse', lease: '10s' });
  // @ts-expect-error an option that does not exist
  await Unstuck.connect({ databse: 'postgres://…' });
  // @ts-expect-error there is no such choice
  await Unstuck.connect({ unknownTypes: 'maybe' });
  // @ts-expect-error a switch is true or false
  await Unstuck.connect({ sweep: 'on' });
  // @ts-expect-error connecting is the only way
  void new Unstuck();
}

/** Compiled, never run. */
export async function schedules(): Promise<void> {
  const rule = { cron: '0 9 * * *', timezone: 'Europe/Berlin' } as const;
  expectTypeOf(
    await unstuck.schedules.set('s', { job: mail, input, ...rule }),
  ).toEqualTypeOf<Schedule>();
  expectTypeOf(
    await unstuck.schedules.set('s', { type: 'any', every: '15m' }),
  ).toEqualTypeOf<Schedule>();
  // @ts-expect-error the input is that of another job
  await unstuck.schedules.set('s', { job: mail, input: { whatever: 1 }, ...rule });
  // @ts-expect-error a policy that does not exist
  await unstuck.schedules.set('s', { type: 'any', overlap: 'queue', ...rule });
  expectTypeOf((await unstuck.schedules.preview('s'))[0]?.note).toEqualTypeOf<
    'gap' | 'overlap' | null | undefined
  >();
}
