/** The OpenAPI document of the API itself. */
import { type Route, route } from '../route.ts';

/** The route that serves the document. */
export const documentRoutes: readonly Route[] = [
  route({
    id: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    scope: 'open',
    tag: 'server',
    summary: 'Answers the OpenAPI document of this API.',
    answers: { 200: { about: 'OpenAPI 3.1.' } },
    handle: async ({ api }) => ({ json: api.document() }),
  }),
];
