/** Executions: how the work of a fan-out stands, as a whole, cell by cell, and by its axes. */
import { z } from 'zod';
import { unstuckError } from '../../domain/errors.ts';
import { snakeJson } from '../../domain/json.ts';
import type { Cell } from '../../features/executions.ts';
import { pageParameters, readPage } from '../page.ts';
import { type Route, route } from '../route.ts';
import { cell, EXECUTION_STATES, fanOut, matrix } from '../schema/execution.ts';
import { jobId, pageOf } from '../schema/values.ts';

const TAG = 'executions';
const ofParent = z.object({ parent_id: jobId });

/** The routes of executions. */
export const executionRoutes: readonly Route[] = [
  route({
    id: 'getExecutions',
    method: 'GET',
    path: '/v1/executions/{parent_id}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers how the work of a fan-out stands.',
    params: ofParent,
    answers: { 200: { about: 'The fan-out.', schema: fanOut } },
    errors: ['JOB_NOT_FOUND', 'JOB_ID_INVALID'],
    handle: async ({ api, params: { parent_id: id } }) => {
      const { axes, ...rest } = found(await api.unstuck.executions.get(id), id);
      return { json: { ...(snakeJson(rest) as object), axes } };
    },
  }),
  route({
    id: 'listCells',
    method: 'GET',
    path: '/v1/executions/{parent_id}/cells',
    scope: 'read',
    tag: TAG,
    summary: 'Lists the executions of a fan-out in the order of its plan, of one state or any.',
    about:
      '`pending` ones wait at a gate, `missing` ones have no job and will get one, `running` ones are being done, `failed` ones are over.',
    params: ofParent,
    query: z.strictObject({ ...pageParameters, state: z.enum(EXECUTION_STATES).optional() }),
    answers: { 200: { about: 'One page.', schema: pageOf(cell) } },
    errors: ['JOB_NOT_FOUND', 'JOB_ID_INVALID'],
    handle: async ({ api, params: { parent_id: id }, query: { state, ...query } }) => {
      const json = await readPage(query, {
        of: ['cells', id, state],
        read: ({ after, limit }) =>
          api.unstuck.executions.list(id, {
            limit,
            ...(after === undefined ? {} : { after: Number(after) }),
            ...(state === undefined ? {} : { state }),
          }),
        keyOf: ({ ordinal }) => `${ordinal}`,
        toJson: cellJson,
      });
      if (json.data.length === 0) found(await api.unstuck.executions.get(id), id);
      return { json };
    },
  }),
  route({
    id: 'getMatrix',
    method: 'GET',
    path: '/v1/executions/{parent_id}/matrix',
    scope: 'read',
    tag: TAG,
    summary: 'Counts the executions of a fan-out by the values of one axis of its plan, or two.',
    about: 'At most 10,000 cells. What the other axes add is counted together.',
    params: ofParent,
    query: z.strictObject({
      rows: z.string().max(1_000).meta({ description: 'An axis of the plan, such as `region`.' }),
      cols: z.string().max(1_000).optional().meta({ description: 'Another axis of the plan.' }),
    }),
    answers: { 200: { about: 'The matrix.', schema: matrix } },
    errors: ['JOB_NOT_FOUND', 'JOB_ID_INVALID'],
    handle: async ({ api, params: { parent_id: id }, query: { rows, cols } }) => {
      const axes = { rows, ...(cols === undefined ? {} : { cols }) };
      const { parentId, ...rest } = found(await api.unstuck.executions.matrix(id, axes), id);
      return { json: { parent_id: parentId, ...rest } };
    },
  }),
];

/** The cell is the user's: its names are left alone. */
function cellJson({ cell: value, error, ...rest }: Cell): unknown {
  return { ...(snakeJson(rest) as object), cell: value, error };
}

function found<T>(value: T | undefined, id: string): T {
  if (value !== undefined) return value;
  throw unstuckError(
    'JOB_NOT_FOUND',
    `There is no fan-out ${id}: no such job, none that plans executions, or it has not planned them yet.`,
    { detail: { id } },
  );
}
