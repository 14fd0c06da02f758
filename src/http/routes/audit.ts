/** Audit: who did what to many jobs, and why. */
import { z } from 'zod';
import { snakeJson } from '../../domain/json.ts';
import { fromCursor, toCursor } from '../cursor.ts';
import { type Route, route } from '../route.ts';
import { instant, pageOf, queryInteger } from '../schema/values.ts';

const QUESTION = 'audit';

/** One entry: who did what to many jobs, and why. */
const auditEntry: z.ZodType = z
  .object({
    id: z.string(),
    at: instant,
    by: z.string().nullable(),
    action: z.string(),
    reason: z.string().nullable(),
    detail: z.unknown().meta({ description: 'What was chosen and asked, and how far it came.' }),
  })
  .meta({ id: 'AuditEntry', description: 'Who did what to many jobs at once, and why.' });

/** The routes of the audit. */
export const auditRoutes: readonly Route[] = [
  route({
    id: 'listAudit',
    method: 'GET',
    path: '/v1/audit',
    scope: 'admin',
    tag: 'audit',
    summary: 'Lists who did what to many jobs and why, newest first.',
    query: z.strictObject({
      limit: queryInteger(1, 1_000).optional(),
      cursor: z.string().max(1_000).optional(),
    }),
    answers: { 200: { about: 'One page.', schema: pageOf(auditEntry) } },
    errors: ['JOB_ID_INVALID'],
    handle: async ({ api, query: { limit, cursor } }) => {
      const after = fromCursor(cursor, QUESTION);
      const page = await api.unstuck.audit.list({
        ...(limit === undefined ? {} : { limit }),
        ...(after === undefined ? {} : { after }),
      });
      const data = page.entries.map(({ detail, ...entry }) => ({
        ...(snakeJson(entry) as object),
        detail,
      }));
      return { json: { data, next_cursor: toCursor(page.next, QUESTION) } };
    },
  }),
];
