// Shortens a tour by 2-opt: where exchanging two legs for two others makes it shorter, it does so until none is left.

import type { Distance } from './distance.ts';
import { DISTANCES_PER_STEP, type Neighbours } from './neighbours.ts';
import { Ring } from './ring.ts';

/** How far the search is: yielded now and then. */
export interface TwoOptStep {
  readonly swaps: number;
  /** Stops that are still to be looked at. */
  readonly open: number;
}

/** The shortened tour. */
export interface TwoOptResult {
  /** The stops in order, beginning with the same stop as the tour given. */
  readonly order: readonly number[];
  readonly swaps: number;
  /** False when it stopped at `swapsMax`: the tour is valid, and could be shorter still. */
  readonly settled: boolean;
}

/** A gain below a micrometre is rounding: taking it could go round in circles for ever. */
const GAIN_MIN_KM = 1e-9;

/**
 * Shortens a closed tour, never lengthens it. Only exchanges that bring a stop next to one of its `neighbours` are tried
 * (Bentley's neighbour lists), and only around stops whose legs have changed, until a full round finds nothing.
 * Ends after `swapsMax` exchanges at the latest; yields after about `DISTANCES_PER_STEP` distances or moved stops.
 */
export function* twoOpt(
  order: readonly number[],
  neighbours: Neighbours,
  distance: Distance,
  swapsMax: number,
): Generator<TwoOptStep, TwoOptResult> {
  const ring = new Ring(order);
  const open = new Set(order);
  let swaps = 0;
  let swapsAtRound = 0;
  let effort = 0;
  while (open.size > 0 && swaps < swapsMax) {
    const stop = takeFirst(open);
    const near = neighbours[stop] ?? [];
    const exchange = findExchange(stop, near, ring, distance);
    effort += 4 * near.length + 2;
    if (exchange !== undefined) {
      effort += apply(exchange, ring, open);
      swaps += 1;
    }
    if (open.size === 0 && swaps > swapsAtRound) {
      // A stop may have passed over an exchange that a later one made worthwhile, so everything is looked at once more.
      addAll(open, order);
      swapsAtRound = swaps;
    }
    if (effort >= DISTANCES_PER_STEP) {
      effort = 0;
      yield { swaps, open: open.size };
    }
  }
  return { order: ring.startingAt(order[0] ?? 0), swaps, settled: open.size === 0 };
}

/** Legs stop–beside and near–nearBeside become stop–near and beside–nearBeside. */
interface Exchange {
  readonly stop: number;
  readonly beside: number;
  readonly near: number;
  readonly nearBeside: number;
  /** Whether `beside` comes after its stop, or before it; the same for `nearBeside`. */
  readonly forward: boolean;
}

function findExchange(
  stop: number,
  neighbours: readonly number[],
  ring: Ring,
  distance: Distance,
): Exchange | undefined {
  return (
    findExchangeBeside(stop, true, neighbours, ring, distance) ??
    findExchangeBeside(stop, false, neighbours, ring, distance)
  );
}

function findExchangeBeside(
  stop: number,
  forward: boolean,
  neighbours: readonly number[],
  ring: Ring,
  distance: Distance,
): Exchange | undefined {
  const beside = forward ? ring.next(stop) : ring.previous(stop);
  const leg = distance(stop, beside);
  for (const near of neighbours) {
    const legNew = distance(stop, near);
    if (legNew >= leg) {
      return undefined;
    }
    const nearBeside = forward ? ring.next(near) : ring.previous(near);
    const gain = leg + distance(near, nearBeside) - legNew - distance(beside, nearBeside);
    if (gain > GAIN_MIN_KM) {
      return { stop, beside, near, nearBeside, forward };
    }
  }
  return undefined;
}

/** Makes the exchange, opens the four stops whose legs changed, and returns how many stops it moved. */
function apply(exchange: Exchange, ring: Ring, open: Set<number>): number {
  const { stop, beside, near, nearBeside, forward } = exchange;
  addAll(open, [stop, beside, near, nearBeside]);
  return forward ? ring.reverse(beside, near) : ring.reverse(stop, nearBeside);
}

function addAll(open: Set<number>, stops: readonly number[]): void {
  for (const stop of stops) {
    open.add(stop);
  }
}

/** A set keeps the order of insertion, so it is a queue without repeats. */
function takeFirst(open: Set<number>): number {
  for (const stop of open) {
    open.delete(stop);
    return stop;
  }
  throw new RangeError('Expected an open stop, got none.');
}
