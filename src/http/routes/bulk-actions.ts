/** Bulk actions: changes of many jobs, which go on behind the answer. */
import { z } from 'zod';
import type { BulkSelection } from '../../domain/bulk.ts';
import type { BulkActionStatus } from '../../domain/bulk-action.ts';
import { unstuckError } from '../../domain/errors.ts';
import { snakeJson } from '../../domain/json.ts';
import { allows } from '../../domain/scopes.ts';
import { actorOf, type Principal } from '../access/principal.ts';
import type { Api } from '../api.ts';
import { fromCursor, toCursor } from '../cursor.ts';
import { type Route, route } from '../route.ts';
import {
  bulkAction,
  dryRun,
  type NewBulkActionBody,
  newBulkAction,
} from '../schema/bulk-action.ts';
import { toFilter } from '../schema/job-filter.ts';
import { givenReason, pageOf, queryInteger } from '../schema/values.ts';

const TAG = 'bulk actions';
const DRY_RUN_MS = 20_000;
const NAMED_MAX = 100;
const actionId: z.ZodType<string> = z
  .string()
  .meta({ description: 'The id of a bulk action, also that of its entry in the audit.' });

/** The routes of changes of many jobs. */
export const bulkActionRoutes: readonly Route[] = [
  route({
    id: 'startBulkAction',
    method: 'POST',
    path: '/v1/bulk-actions',
    scope: 'write',
    tag: TAG,
    summary:
      'Retries, cancels or deletes many jobs: all that fit a filter, or those that are named.',
    about:
      'It goes on behind the answer, in chunks of 500, and in another server when this one ends. `delete` asks for the scope admin.',
    body: newBulkAction,
    answers: {
      202: { about: 'It runs.', schema: bulkAction },
      200: { about: 'What a dry run found.', schema: dryRun },
    },
    errors: ['COUNT_MISMATCH', 'JOB_ID_INVALID', 'INPUT_TOO_LARGE', 'OPTION_UNKNOWN'],
    handle: async ({ api, principal, body }) => {
      if (body.action === 'delete') demandAdmin(principal);
      if (body.dry_run === true) return { json: await tryOut(api, body) };
      const { action, expected_count: expectedCount } = body;
      const options = { ...actorOf(principal, body), ...inputOf(body), expectedCount };
      const started = await api.unstuck.bulkActions.start(action, selectionOf(body), options);
      return {
        status: 202,
        json: actionJson(started),
        headers: { location: `${api.prefix}/v1/bulk-actions/${started.id}` },
      };
    },
  }),
  route({
    id: 'listBulkActions',
    method: 'GET',
    path: '/v1/bulk-actions',
    scope: 'read',
    tag: TAG,
    summary:
      'Lists changes of many jobs, newest first, those of the command and of the library too.',
    query: z.strictObject({
      limit: queryInteger(1, 1_000).optional(),
      cursor: z.string().max(1_000).optional(),
    }),
    answers: { 200: { about: 'One page.', schema: pageOf(bulkAction) } },
    errors: ['JOB_ID_INVALID'],
    handle: async ({ api, query: { limit, cursor } }) => {
      const after = fromCursor(cursor, {});
      const { actions, next } = await api.unstuck.bulkActions.list({ limit, after });
      return { json: { data: actions.map(actionJson), next_cursor: toCursor(next, {}) } };
    },
  }),
  route({
    id: 'getBulkAction',
    method: 'GET',
    path: '/v1/bulk-actions/{id}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers how far a change of many jobs has come.',
    params: z.object({ id: actionId }),
    answers: { 200: { about: 'The change.', schema: bulkAction } },
    errors: ['BULK_ACTION_UNKNOWN', 'JOB_ID_INVALID'],
    handle: async ({ api, params: { id } }) => ({
      json: actionJson(await api.unstuck.bulkActions.get(id)),
    }),
  }),
  route({
    id: 'abortBulkAction',
    method: 'POST',
    path: '/v1/bulk-actions/{id}/abort',
    scope: 'write',
    tag: TAG,
    summary: 'Ends a change of many jobs between two chunks; what is done stays done.',
    params: z.object({ id: actionId }),
    body: z.strictObject({ reason: givenReason }),
    answers: {
      200: { about: 'The change as it stands; it ends before its next chunk.', schema: bulkAction },
    },
    errors: ['BULK_ACTION_UNKNOWN', 'BULK_ACTION_ENDED', 'JOB_ID_INVALID'],
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: actionJson(await api.unstuck.bulkActions.abort(id, actorOf(principal, body))),
    }),
  }),
];

/** Deleting cannot be undone. */
function demandAdmin({ name, scopes }: Principal): void {
  if (allows(scopes, 'admin')) return;
  throw unstuckError(
    'SCOPE_MISSING',
    `Expected the scope admin to delete jobs, got ${scopes.join(', ')} for ${JSON.stringify(name)}. Nothing was changed.`,
    { detail: { missing_scope: 'admin' } },
  );
}

function selectionOf({ ids, filter }: NewBulkActionBody): BulkSelection {
  if ((ids === undefined) === (filter === undefined))
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected ids or a filter, got ${ids === undefined ? 'neither' : 'both'}. Nothing was changed.`,
    );
  return ids === undefined ? { filter: toFilter(filter ?? {}) } : { ids };
}

/** An input that is given for a change that takes none is refused below, by its name. */
function inputOf({ input }: NewBulkActionBody): { readonly input?: unknown } {
  return input === undefined ? {} : { input };
}

async function tryOut({ unstuck }: Api, body: NewBulkActionBody): Promise<object> {
  const options = { ...inputOf(body), dryRun: true, signal: AbortSignal.timeout(DRY_RUN_MS) };
  const found = await unstuck.bulk[body.action](selectionOf(body), options);
  return {
    action: found.action,
    dry_run: true,
    matched: found.matched,
    refused_count: found.refusedCount,
    refused: found.refused.slice(0, NAMED_MAX),
    ids: found.ids,
    complete: !found.aborted,
  };
}

/** The codes of refusals are names of the catalogue, and an edited input is the user's: neither is rewritten. */
function actionJson({ refusedBy, selection, ...rest }: BulkActionStatus): object {
  return { ...(snakeJson(rest) as object), refused_by: refusedBy, selection: snakeJson(selection) };
}
