/** Deliveries: who was, or is to be, told what. */
import { z } from 'zod';
import { PURPOSES, STATES_OF_DELIVERY } from '../../domain/delivery.ts';
import { unstuckError } from '../../domain/errors.ts';
import { deliveryJson } from '../../domain/json.ts';
import { actorOf } from '../access/principal.ts';
import { fromCursor, toCursor } from '../cursor.ts';
import { type Route, route } from '../route.ts';
import { delivery } from '../schema/delivery.ts';
import { givenName, givenReason, jobId, pageOf, queryInteger } from '../schema/values.ts';

const TAG = 'deliveries';
const one = z.object({ id: givenName });

/** The routes of deliveries. */
export const deliveryRoutes: readonly Route[] = [
  route({
    id: 'listDeliveries',
    method: 'GET',
    path: '/v1/deliveries',
    scope: 'read',
    tag: TAG,
    summary: 'Lists who was, or is to be, told what, newest first.',
    about: 'Those that have ended are kept for 7 days.',
    query: z.strictObject({
      job: jobId.optional(),
      state: z.enum(STATES_OF_DELIVERY).optional(),
      purpose: z.enum(PURPOSES).optional(),
      limit: queryInteger(1, 1_000).optional(),
      cursor: z.string().max(1_000).optional(),
    }),
    answers: { 200: { about: 'One page.', schema: pageOf(delivery) } },
    errors: ['JOB_ID_INVALID'],
    handle: async ({ api, query: { limit, cursor, ...filter } }) => {
      const after = fromCursor(cursor, filter);
      const page = await api.unstuck.deliveries.list({ ...filter, limit, after });
      const data = page.deliveries.map(deliveryJson);
      return { json: { data, next_cursor: toCursor(page.next, filter) } };
    },
  }),
  route({
    id: 'getDelivery',
    method: 'GET',
    path: '/v1/deliveries/{id}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one delivery.',
    params: one,
    answers: { 200: { about: 'The delivery.', schema: delivery } },
    errors: ['DELIVERY_NOT_FOUND'],
    handle: async ({ api, params: { id } }) => {
      const found = await api.unstuck.deliveries.get(id);
      if (found !== undefined) return { json: deliveryJson(found) };
      throw unstuckError('DELIVERY_NOT_FOUND', `There is no delivery ${JSON.stringify(id)}.`);
    },
  }),
  route({
    id: 'retryDelivery',
    method: 'POST',
    path: '/v1/deliveries/{id}/retry',
    scope: 'write',
    tag: TAG,
    summary: 'Sends a delivery that failed once more, under the same id.',
    about: 'It gets a whole schedule of tries.',
    params: one,
    body: z.strictObject({ reason: givenReason }),
    answers: { 200: { about: 'The delivery.', schema: delivery } },
    errors: ['DELIVERY_NOT_FOUND', 'DELIVERY_STATE_CONFLICT'],
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: deliveryJson(await api.unstuck.deliveries.retry(id, actorOf(principal, body))),
    }),
  }),
];
