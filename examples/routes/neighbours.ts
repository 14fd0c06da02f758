// Finds the nearest stops of every stop, so that 2-opt looks at a few exchanges per stop and not at all of them.

import type { Distance } from './distance.ts';

/** For each stop its nearest others, nearest first. */
export type Neighbours = readonly (readonly number[])[];

/** How many distances are computed between two yields: a few milliseconds. */
export const DISTANCES_PER_STEP = 20_000;

/**
 * Lists for every stop its `size` nearest others (fewer where there are no more). Needs count² distances; yields the
 * number of stops done after about `DISTANCES_PER_STEP` of them.
 */
export function* findNeighbours(
  count: number,
  size: number,
  distance: Distance,
): Generator<number, Neighbours> {
  const neighbours: number[][] = [];
  let effort = 0;
  for (let stop = 0; stop < count; stop += 1) {
    neighbours.push(nearestTo(stop, count, size, distance));
    effort += count;
    if (effort >= DISTANCES_PER_STEP) {
      effort = 0;
      yield neighbours.length;
    }
  }
  return neighbours;
}

interface Near {
  readonly stop: number;
  readonly away: number;
}

function nearestTo(stop: number, count: number, size: number, distance: Distance): number[] {
  const nearest: Near[] = [];
  for (let other = 0; other < count; other += 1) {
    if (other !== stop) {
      insert(nearest, { stop: other, away: distance(stop, other) }, size);
    }
  }
  return nearest.map((near) => near.stop);
}

/** Keeps the list sorted and no longer than `size`; of equals the earlier stays in front. */
function insert(nearest: Near[], near: Near, size: number): void {
  const last = nearest.at(-1);
  if (nearest.length >= size && (last === undefined || near.away >= last.away)) {
    return;
  }
  const position = nearest.findIndex((other) => other.away > near.away);
  nearest.splice(position === -1 ? nearest.length : position, 0, near);
  nearest.length = Math.min(nearest.length, size);
}
