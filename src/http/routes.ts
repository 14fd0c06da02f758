/** Routes: all of them, as the handler serves and the OpenAPI document describes them. */
import type { Route } from './route.ts';
import { claimRoutes } from './routes/claims.ts';
import { documentRoutes } from './routes/document.ts';
import { jobRoutes } from './routes/jobs.ts';

/** Every route below /v1, and the document of them. */
export const ROUTES: readonly Route[] = [...documentRoutes, ...jobRoutes, ...claimRoutes];
