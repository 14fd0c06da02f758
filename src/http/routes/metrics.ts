/** Metrics for Prometheus. */
import { type Route, route } from '../route.ts';

/** The route of the metrics. */
export const metricRoutes: readonly Route[] = [
  route({
    id: 'getMetrics',
    method: 'GET',
    path: '/metrics',
    scope: 'metrics',
    tag: 'server',
    summary: 'Answers the metrics of this process and of the installation, for Prometheus.',
    answers: { 200: { about: 'The text format 0.0.4.', media: 'text/plain' } },
    handle: async ({ api }) => {
      const { text, contentType } = await api.metrics.scrape(api.hub.viewers);
      return new Response(text, {
        headers: {
          'content-type': contentType,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        },
      });
    },
  }),
];
