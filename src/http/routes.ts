/** Routes: all of them, as the handler serves and the OpenAPI document describes them. */
import type { Route } from './route.ts';
import { bulkActionRoutes } from './routes/bulk-actions.ts';
import { documentRoutes } from './routes/document.ts';
import { jobChangeRoutes } from './routes/job-changes.ts';
import { jobRoutes } from './routes/jobs.ts';
import { newJobRoutes } from './routes/new-jobs.ts';

/** Every route below /v1, and the document of them. */
export const ROUTES: readonly Route[] = [
  ...documentRoutes,
  ...newJobRoutes,
  ...jobRoutes,
  ...jobChangeRoutes,
  ...bulkActionRoutes,
];
