// Builds a first tour: from each stop go to the nearest one that has not been visited.

import type { Distance } from './distance.ts';
import { DISTANCES_PER_STEP } from './neighbours.ts';

/**
 * Builds a tour of the stops 0 … count − 1 that begins at `start`. Typically 25 % longer than the shortest one.
 * Needs count² / 2 distances; yields the number of stops visited after about `DISTANCES_PER_STEP` of them.
 */
export function* nearestNeighbour(
  count: number,
  start: number,
  distance: Distance,
): Generator<number, number[]> {
  const order = [start];
  const rest = Array.from({ length: count }, (_, stop) => stop).filter((stop) => stop !== start);
  let here = start;
  let effort = 0;
  while (rest.length > 0) {
    effort += rest.length;
    here = takeNearest(rest, here, distance);
    order.push(here);
    if (effort >= DISTANCES_PER_STEP) {
      effort = 0;
      yield order.length;
    }
  }
  return order;
}

/** Removes the stop nearest to `here` from the rest and returns it. */
function takeNearest(rest: number[], here: number, distance: Distance): number {
  let best = 0;
  let bestAway = Number.POSITIVE_INFINITY;
  for (const [position, stop] of rest.entries()) {
    const away = distance(here, stop);
    if (away < bestAway) {
      best = position;
      bestAway = away;
    }
  }
  const [nearest = here] = rest.splice(best, 1);
  return nearest;
}
