/** Unstuck as its documentation shows it: one definition per type with a zod schema (or one written by hand, for a bare worker), a handler per job. */
import { type AnyJob, defineJob, Unstuck } from 'unstuck';
import type { Payload } from '../core/payload.ts';
import type { Producer, RunningWorker, System, Target, Work } from '../core/system.ts';
import { leftBySql } from './left-by-sql.ts';

/** The options that the configurations set; everything else is default. */
export interface UnstuckSettings {
  readonly concurrency?: number;
  readonly connections?: number;
}

const LEFT = 'select exists (select from unstuck.jobs where waits_for is null) as some';

/** Returns Unstuck on this database. */
export function openUnstuck({ url, settings }: Target<UnstuckSettings>): System {
  const options = {
    database: url,
    logLevel: 'error',
    ...(settings.connections === undefined ? {} : { connections: settings.connections }),
  } as const;
  return {
    load: async () => void (await zodSchema()),
    prepare: async () => (await Unstuck.connect(options)).close(),
    producer: async (types) => openProducer(await Unstuck.connect(options), url, types),
    work: async (work) => startWorker(await Unstuck.connect(options), work, settings),
  };
}

async function openProducer(
  unstuck: Unstuck,
  url: string,
  types: readonly string[],
): Promise<Producer> {
  const left = await leftBySql(url, LEFT);
  const schema = await zodSchema();
  const jobs = new Map(types.map((type) => [type, define(type, schema, () => undefined)]));
  const find = (type: string): AnyJob => jobs.get(type) ?? define(type, schema, () => undefined);
  return {
    one: (payload, { type, delayMs }) =>
      unstuck.enqueue(find(type), payload, delayMs === undefined ? {} : { delay: delayMs }),
    many: (payloads, { type, delayMs }) => {
      const how = delayMs === undefined ? {} : { delay: delayMs };
      return unstuck.enqueueMany(
        find(type),
        payloads.map((input) => ({ input, ...how })),
      );
    },
    left: left.ask,
    close: async () => {
      await left.close();
      await unstuck.close();
    },
  };
}

async function startWorker(
  unstuck: Unstuck,
  { types, handle, bare }: Work,
  { concurrency }: UnstuckSettings,
): Promise<RunningWorker> {
  const schema = bare ? ANY : await zodSchema();
  const jobs = types.map((type) => define(type, schema, handle));
  await unstuck.work(jobs, concurrency === undefined ? {} : { concurrency });
  return { stop: () => unstuck.close() };
}

/** The least that Standard Schema asks of a schema. */
interface StandardSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => { readonly value: Payload };
    readonly types?: { readonly input: Payload; readonly output: Payload };
  };
}

const ANY: StandardSchema = {
  '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value: value as Payload }) },
};

async function zodSchema(): Promise<StandardSchema> {
  const { z } = await import('zod');
  return z.object({ n: z.number(), sentAt: z.number(), pad: z.string() }) as never;
}

function define(
  type: string,
  input: StandardSchema,
  handle: (payload: Payload) => void | Promise<void>,
): AnyJob {
  return defineJob({
    type,
    input,
    run: async (job) => {
      await handle(job.input);
    },
  });
}
