/** Session: who asks, and the login of people. */
import { z } from 'zod';
import { allows, SCOPES } from '../../domain/scopes.ts';
import { SESSION_MS } from '../../features/tokens/sessions.ts';
import { writeCookie } from '../access/cookie.ts';
import type { Principal } from '../access/principal.ts';
import { type Route, route } from '../route.ts';
import { me } from '../schema/token.ts';

const TAG = 'access';

/** The routes of whoever asks. */
export const sessionRoutes: readonly Route[] = [
  route({
    id: 'getMe',
    method: 'GET',
    path: '/v1/me',
    scope: 'any',
    tag: TAG,
    summary: 'Answers who makes the request, and what they may do.',
    answers: { 200: { about: 'Who asks.', schema: me } },
    handle: async ({ principal }) => ({ json: toMe(principal) }),
  }),
  route({
    id: 'logIn',
    method: 'POST',
    path: '/v1/session',
    scope: 'open',
    tag: TAG,
    summary: 'Opens a session for a browser: the answer sets a cookie.',
    about:
      'It ends after an hour without requests, after 12 hours, with its token, or by `logOut`. Five wrong tokens of one address in a minute are the most.',
    body: z.strictObject({ token: z.string().min(1).max(500) }),
    answers: { 200: { about: 'Who logged in.', schema: me } },
    errors: ['UNAUTHENTICATED', 'ROUTE_NOT_FOUND', 'DATABASE_UNREACHABLE', 'QUERY_TIMEOUT'],
    handle: async ({ api: { access }, body: { token }, request, peer }) => {
      const { secret, principal } = await access.logIn(token, request, peer);
      const cookie = writeCookie(secret, access.isHttps(request), SESSION_MS / 1_000);
      return { json: toMe(principal), headers: { 'set-cookie': cookie } };
    },
  }),
  route({
    id: 'logOut',
    method: 'DELETE',
    path: '/v1/session',
    scope: 'open',
    tag: TAG,
    summary: 'Ends the session whose cookie the request carries, and removes the cookie.',
    answers: { 204: { about: 'There is no such session any more.' } },
    errors: ['DATABASE_UNREACHABLE', 'QUERY_TIMEOUT'],
    handle: async ({ api: { access }, request }) => {
      await access.logOut(request);
      const cookie = writeCookie('', access.isHttps(request), 0);
      return { status: 204, headers: { 'set-cookie': cookie } };
    },
  }),
];

function toMe({ name, scopes, via }: Principal): Record<string, unknown> {
  return { name, scopes, allows: SCOPES.filter((scope) => allows(scopes, scope)), via };
}
