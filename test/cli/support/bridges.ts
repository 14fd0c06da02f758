// A module that exports a bridge and the type of its jobs, for the command.
import { z } from 'zod';
import { defineBridge, defineJob } from '../../../src/index.ts';

/** The type of its jobs. */
export const order = defineJob({
  type: 'order',
  input: z.looseObject({ n: z.number() }),
  run: ({ input }) => input.n,
});

/** Reaches Redis by UNSTUCK_REDIS_URL. */
export const orders = defineBridge({ name: 'orders', list: 'jobs', job: order, every: '1s' });
