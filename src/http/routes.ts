/** Routes: all of them, as the handler serves and the OpenAPI document describes them. */
import type { Route } from './route.ts';
import { documentRoutes } from './routes/document.ts';
import { jobRoutes } from './routes/jobs.ts';
import { sessionRoutes } from './routes/session.ts';
import { tokenRoutes } from './routes/tokens.ts';

/** Every route below /v1, and the document of them. */
export const ROUTES: readonly Route[] = [
  ...documentRoutes,
  ...jobRoutes,
  ...sessionRoutes,
  ...tokenRoutes,
];
