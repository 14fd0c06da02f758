/** Tokens: made, listed, revoked. */
import { z } from 'zod';
import { snakeJson } from '../../domain/json.ts';
import { actorOf } from '../access/principal.ts';
import { fromCursor, toCursor } from '../cursor.ts';
import { type Route, route } from '../route.ts';
import { madeToken, newToken, token } from '../schema/token.ts';
import { givenReason, pageOf, queryInteger } from '../schema/values.ts';

const TAG = 'access';
const QUESTION = 'tokens';

/** The routes of tokens. */
export const tokenRoutes: readonly Route[] = [
  route({
    id: 'listTokens',
    method: 'GET',
    path: '/v1/tokens',
    scope: 'admin',
    tag: TAG,
    summary: 'Lists tokens, newest first, also those that cannot be used any more.',
    query: z.strictObject({
      limit: queryInteger(1, 1_000).optional(),
      cursor: z.string().max(1_000).optional(),
    }),
    answers: { 200: { about: 'One page.', schema: pageOf(token) } },
    handle: async ({ api, query: { limit, cursor } }) => {
      const after = fromCursor(cursor, QUESTION);
      const page = await api.unstuck.tokens.list({
        ...(limit === undefined ? {} : { limit }),
        ...(after === undefined ? {} : { after }),
      });
      return {
        json: { data: snakeJson(page.tokens), next_cursor: toCursor(page.next, QUESTION) },
      };
    },
  }),
  route({
    id: 'createToken',
    method: 'POST',
    path: '/v1/tokens',
    scope: 'admin',
    tag: TAG,
    summary: 'Makes a token; its secret is in this answer only.',
    body: newToken,
    answers: { 201: { about: 'The new token.', schema: madeToken } },
    errors: ['TOKEN_OPTIONS_INVALID'],
    handle: async ({ api, principal, body: { name, scopes, expires_in: expires } }) => ({
      status: 201,
      json: snakeJson(
        await api.unstuck.tokens.create(
          { name, scopes, expires },
          { by: actorOf(principal, {}).by },
        ),
      ),
    }),
  }),
  route({
    id: 'revokeToken',
    method: 'DELETE',
    path: '/v1/tokens/{id}',
    scope: 'admin',
    tag: TAG,
    summary: 'Revokes a token, and ends the sessions that were opened with it.',
    about: 'Every process knows it within 5 s. The token stays in the list.',
    params: z.object({ id: z.string() }),
    query: z.strictObject({ reason: givenReason }),
    answers: { 200: { about: 'The revoked token.', schema: token } },
    errors: ['TOKEN_NOT_FOUND'],
    handle: async ({ api, principal, params: { id }, query }) => {
      const revoked = await api.unstuck.tokens.revoke(id, actorOf(principal, query));
      api.access.tokensChanged();
      return { json: snakeJson(revoked) };
    },
  }),
];
