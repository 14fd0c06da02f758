// Enqueues a varied set of routes: long and short, urgent and scheduled, failing for good and only at first.

import type { Unstuck } from 'unstuck';
import { type DemoItem, type DemoJob, type DemoOptions, enqueueItems } from '../demo.ts';
import { type RouteInput, routeJob } from './route-job.ts';

/** What to enqueue; everything is optional. */
export interface RoutesDemoOptions extends DemoOptions {
  /**
   * Adds the route that kills the worker process which runs it. Default false. Set it only when the workers are
   * processes of their own, started with `ROUTES_POISON=1`, and something starts them again.
   */
  readonly poison?: boolean;
}

/** Enqueues the demo and returns its jobs. A second call while the first one's jobs live enqueues none twice. */
export function enqueueDemo(
  unstuck: Pick<Unstuck, 'enqueue'>,
  options: RoutesDemoOptions = {},
): Promise<DemoJob[]> {
  const routes = [...ROUTES, scheduled(options.scheduledAfter ?? '20s')];
  if (options.poison === true) {
    routes.push(POISONED);
  }
  return enqueueItems(
    unstuck,
    'routes',
    routes.map((route) => ({ ...route, job: routeJob })),
  );
}

type DemoRoute = Omit<DemoItem, 'job'> & { readonly input: RouteInput };

const ROUTES: readonly DemoRoute[] = [
  { title: 'Germany, 500 stops', input: { country: 'DE', stops: 500 } },
  { title: 'France, 800 stops', input: { country: 'FR', stops: 800 } },
  { title: 'Italy, 600 stops from Milan', input: { country: 'IT', stops: 600, depot: 'Milan' } },
  { title: 'Spain, 1500 stops, 10 starts', input: { country: 'ES', stops: 1500, starts: 10 } },
  { title: 'India, 700 other stops', input: { country: 'IN', stops: 700, seed: 7 } },
  {
    title: 'Brazil, 300 large places',
    input: { country: 'BR', stops: 300, populationMin: 50_000 },
  },
  {
    title: 'United States, 2000 stops, 20 starts (takes a while)',
    input: { country: 'US', stops: 2000, starts: 20 },
  },
  {
    title: 'Japan, 500 stops (urgent: runs before the others that wait)',
    input: { country: 'JP', stops: 500 },
    options: { priority: 10 },
  },
  {
    title: 'Poland, 300 stops (fails once, then completes)',
    input: { country: 'PL', stops: 300, fault: 'transient' },
  },
  {
    title: 'Vatican City, 500 stops (fails: there are not that many places)',
    input: { country: 'VA', stops: 500 },
    ends: 'failed',
  },
];

const POISONED: DemoRoute = {
  title: 'Portugal, 100 stops (kills its worker three times, then fails as poison)',
  input: { country: 'PT', stops: 100, fault: 'poison' },
  ends: 'failed',
};

function scheduled(delay: NonNullable<DemoOptions['scheduledAfter']>): DemoRoute {
  return {
    title: 'Iceland, 30 stops (scheduled)',
    input: { country: 'IS', stops: 30, populationMin: 0 },
    options: { delay },
  };
}
