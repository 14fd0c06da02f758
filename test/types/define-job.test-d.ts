// Types: a definition infers its input and result from any Standard Schema, and refuses options that do not exist.
import type { ClientBase } from 'pg';
import { expectTypeOf } from 'vitest';
import * as z from 'zod';
import {
  defineJob,
  type InputOf,
  type JobDefinition,
  type ResultOf,
  type RunningJob,
} from '../../src/index.ts';
import { type MailIn, type MailOut, ownMail, valibotMail, zodMail } from './schemas.ts';

const overZod = defineJob({
  type: 'zod',
  input: zodMail,
  run: async (job) => {
    expectTypeOf(job.input).toEqualTypeOf<MailOut>();
    return { sent: job.input.copies };
  },
});
expectTypeOf<InputOf<typeof overZod>>().toEqualTypeOf<MailIn>();
expectTypeOf<ResultOf<typeof overZod>>().toEqualTypeOf<{ sent: number }>();

const overValibot = defineJob({
  type: 'valibot',
  input: valibotMail,
  run: (job) => {
    expectTypeOf(job.input).toEqualTypeOf<MailOut>();
    return job.input.to;
  },
});
expectTypeOf<InputOf<typeof overValibot>>().toEqualTypeOf<MailIn>();
expectTypeOf<ResultOf<typeof overValibot>>().toEqualTypeOf<string>();

const overOwn = defineJob({
  type: 'own',
  input: ownMail,
  run: (job) => {
    expectTypeOf(job.input).toEqualTypeOf<MailOut>();
  },
});
expectTypeOf<InputOf<typeof overOwn>>().toEqualTypeOf<MailIn>();
expectTypeOf<ResultOf<typeof overOwn>>().toEqualTypeOf<void>();

// What a handler gets besides its input.
defineJob({
  type: 'handler',
  input: z.null(),
  retry: {
    attempts: 3,
    backoff: (failed) => {
      expectTypeOf(failed.error).toBeUnknown();
      return failed.attempt > 2 ? false : '5s';
    },
  },
  run: async (job) => {
    expectTypeOf(job).toEqualTypeOf<RunningJob<null>>();
    expectTypeOf(job.signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(job.token).toBeString();
    expectTypeOf(job.heartbeat.held).toBeBoolean();
    const value = await job.transaction(async (tx) => {
      expectTypeOf(tx).toEqualTypeOf<ClientBase>();
      return 7;
    });
    expectTypeOf(value).toBeNumber();
    return value;
  },
});

expectTypeOf(overZod).toEqualTypeOf<JobDefinition<MailIn, MailOut, { sent: number }>>();

// @ts-expect-error a definition has a type
defineJob({ input: zodMail, run: () => null });
// @ts-expect-error a definition has a schema
defineJob({ type: 'a', run: () => null });
// @ts-expect-error a definition has a handler
defineJob({ type: 'a', input: zodMail });
// @ts-expect-error a schema follows Standard Schema
defineJob({ type: 'a', input: { to: 'string' }, run: () => null });
// @ts-expect-error an option that does not exist
defineJob({ type: 'a', input: zodMail, retries: 5, run: () => null });
// @ts-expect-error attempts is a number
defineJob({ type: 'a', input: zodMail, retry: { attempts: '5' }, run: () => null });
// @ts-expect-error there is no such backoff
defineJob({ type: 'a', input: zodMail, retry: { backoff: 'linear' }, run: () => null });
// @ts-expect-error a timeout is a duration
defineJob({ type: 'a', input: zodMail, timeout: new Date(), run: () => null });
// @ts-expect-error there is no such field in the input
defineJob({ type: 'a', input: zodMail, run: (job) => job.input.bcc });
