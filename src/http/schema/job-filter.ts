/** Job filter: which jobs, as a query names them and as a body does. */
import { z } from 'zod';
import type { JobFilter } from '../../domain/job-filter.ts';
import { STATES, type State } from '../../domain/transitions.ts';
import { givenInstant, queryBoolean, queryList } from './values.ts';

/** A job filter as it is written in JSON. */
export interface FilterBody {
  readonly state?: State | State[] | undefined;
  readonly type?: string | undefined;
  readonly queue?: string | undefined;
  readonly tag?: string | undefined;
  readonly key?: string | undefined;
  readonly error_code?: string | undefined;
  readonly late?: boolean | undefined;
  readonly created_after?: Date | undefined;
  readonly created_before?: Date | undefined;
  readonly finished_after?: Date | undefined;
  readonly finished_before?: Date | undefined;
  readonly ids?: string[] | undefined;
}

const same = {
  type: z.string().optional(),
  queue: z.string().optional(),
  tag: z.string().optional(),
  key: z.string().optional(),
  error_code: z.string().optional(),
  created_after: givenInstant.optional(),
  created_before: givenInstant.optional(),
  finished_after: givenInstant.optional(),
  finished_before: givenInstant.optional(),
};

/** The parameters of a query that choose jobs; spread them into the query of a route. */
export const filterParameters: {
  readonly [name in keyof FilterBody]-?: z.ZodType<FilterBody[name]>;
} = {
  ...same,
  state: queryList(z.enum(STATES), STATES.length).optional(),
  late: queryBoolean.optional(),
  ids: queryList(z.string(), 1_000).optional(),
};

/** A filter in a body. */
export const filterBody: z.ZodType<FilterBody> = z
  .strictObject({
    ...same,
    state: z.union([z.enum(STATES), z.array(z.enum(STATES)).max(STATES.length)]).optional(),
    late: z.boolean().optional(),
    ids: z.array(z.string()).max(1_000).optional(),
  })
  .meta({ id: 'JobFilter', description: 'Which jobs; a job must fit everything that is given.' });

/** The filter that names in snake_case mean. */
export function toFilter(given: FilterBody): JobFilter {
  const filter = {
    state: given.state,
    type: given.type,
    queue: given.queue,
    tag: given.tag,
    key: given.key,
    errorCode: given.error_code,
    late: given.late,
    createdAfter: given.created_after,
    createdBefore: given.created_before,
    finishedAfter: given.finished_after,
    finishedBefore: given.finished_before,
    ids: given.ids,
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
