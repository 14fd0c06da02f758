/** Routes: all of them, as the handler serves and the OpenAPI document describes them. */
import type { Route } from './route.ts';
import { alertRoutes } from './routes/alerts.ts';
import { auditRoutes } from './routes/audit.ts';
import { bridgeRoutes } from './routes/bridges.ts';
import { bulkActionRoutes } from './routes/bulk-actions.ts';
import { claimRoutes } from './routes/claims.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { documentRoutes } from './routes/document.ts';
import { executionRoutes } from './routes/executions.ts';
import { jobChangeRoutes } from './routes/job-changes.ts';
import { jobRoutes } from './routes/jobs.ts';
import { limitRoutes } from './routes/limits.ts';
import { metricRoutes } from './routes/metrics.ts';
import { newJobRoutes } from './routes/new-jobs.ts';
import { poolRoutes } from './routes/pools.ts';
import { queueRoutes } from './routes/queues.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { sessionRoutes } from './routes/session.ts';
import { statusRoutes } from './routes/status.ts';
import { streamRoutes } from './routes/stream.ts';
import { targetRoutes } from './routes/targets.ts';
import { tickRoutes } from './routes/ticks.ts';
import { tokenRoutes } from './routes/tokens.ts';

/** Every route below /v1, and the document of them. */
export const ROUTES: readonly Route[] = [
  ...documentRoutes,
  ...newJobRoutes,
  ...jobRoutes,
  ...jobChangeRoutes,
  ...bulkActionRoutes,
  ...statusRoutes,
  ...queueRoutes,
  ...targetRoutes,
  ...poolRoutes,
  ...limitRoutes,
  ...scheduleRoutes,
  ...bridgeRoutes,
  ...executionRoutes,
  ...deliveryRoutes,
  ...auditRoutes,
  ...alertRoutes,
  ...tickRoutes,
  ...claimRoutes,
  ...metricRoutes,
  ...streamRoutes,
  ...sessionRoutes,
  ...tokenRoutes,
];
