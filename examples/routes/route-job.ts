// The job type `route`: plans a delivery round trip over real places of a country.

import { defineJob, Fail, type JobDefinition, type RunningJob } from 'unstuck';
import { z } from 'zod';
import { type City, citiesOf, pickStops } from './cities.ts';
import { rehearseFault } from './faults.ts';
import { planTour, type Tour } from './tour.ts';

const routeInput = z.strictObject({
  /** ISO 3166-1 alpha-2 code of the country, upper case. */
  country: z.string().regex(/^[A-Z]{2}$/, 'Expected a country code such as DE.'),
  /** How many places the tour visits, the depot included. */
  stops: z.int().min(2).max(2000),
  /** The place where it begins and ends; by default the most populous one. */
  depot: z.string().min(1).max(200).optional(),
  /** Only places with at least so many inhabitants. Default 1000. */
  populationMin: z.int().min(0).max(100_000_000).optional(),
  /** Another seed picks other places. Default 1. */
  seed: z.int().min(0).max(0xffff_ffff).optional(),
  /** How many first tours are tried; more take longer and may find a shorter one. Default 1. */
  starts: z.int().min(1).max(500).optional(),
  /** Rehearses trouble; see `faults.ts`. */
  fault: z.enum(['transient', 'poison']).optional(),
});

/** What a route is asked for. */
export type RouteInput = z.infer<typeof routeInput>;

/** What a route's result says. */
export interface RouteResult {
  readonly country: string;
  readonly depot: string;
  readonly stops: number;
  /** The nearest-neighbour tour, as the crow flies. */
  readonly lengthBeforeKm: number;
  /** The tour after 2-opt. */
  readonly lengthAfterKm: number;
  readonly improvementPercent: number;
  /** Exchanges that 2-opt made. */
  readonly swaps: number;
  /** The first places that the tour visits, the depot first. */
  readonly firstStops: readonly string[];
  /** The last places before it is back at the depot. */
  readonly lastStops: readonly string[];
  /** Of this attempt, loading the places included. */
  readonly tookMs: number;
}

/**
 * Plans a tour: nearest neighbour, then 2-opt. Fails for good (no retry) with the code `PLACES_MISSING` when the country
 * has too few places, and with `DEPOT_UNKNOWN` when none has the depot's name: trying again would not change that.
 */
export const routeJob: JobDefinition<RouteInput, RouteInput, RouteResult> = defineJob({
  type: 'route',
  input: routeInput,
  timeout: '30m',
  retry: { attempts: 3, backoff: 'exponential', base: '1s' },
  run: planRoute,
});

async function planRoute(job: RunningJob<RouteInput>): Promise<RouteResult> {
  const started = performance.now();
  const { starts = 1, fault } = job.input;
  rehearseFault(fault, job.attempt);
  job.progress(0, 'choosing the places');
  const stops = await chooseStops(job.input);
  const tour = await planTour(stops, {
    starts,
    signal: job.signal,
    onProgress: (fraction, note) => job.progress(fraction, note),
  });
  return describeTour(job.input.country, stops, tour, performance.now() - started);
}

async function chooseStops(input: RouteInput): Promise<City[]> {
  const { country, stops: count, depot, populationMin = 1000, seed = 1 } = input;
  const cities = await citiesOf(country, populationMin);
  if (cities.length < count) {
    throw new Fail(
      `Expected ${count} places with at least ${populationMin} inhabitants in ${country}, found ${cities.length}. ` +
        'Ask for fewer stops, or for smaller places.',
      { code: 'PLACES_MISSING' },
    );
  }
  const stops = pickStops(cities, { count, depot, seed });
  if (stops === undefined) {
    throw new Fail(
      `Expected the depot to be a place in ${country} with at least ${populationMin} inhabitants, got ${depot}.`,
      { code: 'DEPOT_UNKNOWN' },
    );
  }
  return stops;
}

function describeTour(
  country: string,
  stops: readonly City[],
  tour: Tour,
  tookMs: number,
): RouteResult {
  const names = tour.order.map((index) => stops[index]?.name ?? '');
  const { lengthBeforeKm, lengthAfterKm, swaps } = tour;
  const saved = lengthBeforeKm === 0 ? 0 : 1 - lengthAfterKm / lengthBeforeKm;
  return {
    country,
    depot: names[0] ?? '',
    stops: stops.length,
    lengthBeforeKm: rounded(lengthBeforeKm, 3),
    lengthAfterKm: rounded(lengthAfterKm, 3),
    // Rounding may leave a little less than nothing, which would become -0: no number that JSON keeps.
    improvementPercent: rounded(Math.max(0, saved) * 100, 1),
    swaps,
    firstStops: names.slice(0, 5),
    lastStops: names.slice(-5),
    tookMs: Math.round(tookMs),
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
