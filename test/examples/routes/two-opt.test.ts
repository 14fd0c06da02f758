// The laws of the heuristics: nearest neighbour, then 2-opt.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { citiesOf, pickStops } from '../../../examples/routes/cities.ts';
import { type Distance, distanceBetween, tourLength } from '../../../examples/routes/distance.ts';
import { nearestNeighbour } from '../../../examples/routes/nearest-neighbour.ts';
import { DISTANCES_PER_STEP, findNeighbours } from '../../../examples/routes/neighbours.ts';
import { type TwoOptResult, twoOpt } from '../../../examples/routes/two-opt.ts';
import { at, finish, legsOf, numbers, points, scattered, shuffled, sorted } from './points.ts';

/** What adding up the legs in another order may change. */
const ROUNDING_KM = 1e-6;

describe('nearest neighbour', () => {
  test('every stop is visited exactly once, and each leg goes to the nearest one left', () => {
    fc.assert(
      fc.property(points(1, 40), fc.nat(), (stops, seed) => {
        const distance = distanceBetween(stops);
        const order = finish(nearestNeighbour(stops.length, seed % stops.length, distance));
        expect(order[0]).toBe(seed % stops.length);
        expect(sorted(order)).toEqual(numbers(stops.length));
        for (const [index, stop] of order.slice(0, -1).entries()) {
          const legs = order.slice(index + 1).map((other) => distance(stop, other));
          expect(legs[0]).toBe(Math.min(...legs));
        }
      }),
    );
  });

  test('the neighbours of a stop are its nearest others, nearest first', () => {
    fc.assert(
      fc.property(points(1, 40), fc.integer({ min: 1, max: 12 }), (stops, size) => {
        const distance = distanceBetween(stops);
        const lists = finish(findNeighbours(stops.length, size, distance));
        for (const [stop, list] of lists.entries()) {
          const others = numbers(stops.length).filter((other) => other !== stop);
          const away = (other: number): number => distance(stop, other);
          expect(list).toEqual(others.toSorted((a, b) => away(a) - away(b)).slice(0, size));
        }
      }),
    );
  });
});

describe('2-opt', () => {
  test('it never lengthens a tour and visits every stop exactly once, whatever tour it gets', () => {
    fc.assert(
      fc.property(points(1, 60), fc.integer({ min: 1, max: 60 }), fc.nat(), (stops, size, seed) => {
        const distance = distanceBetween(stops);
        const first = shuffled(stops.length, seed);
        const { order, settled } = shorten(first, distance, size);
        expect(tourLength(order, distance)).toBeLessThanOrEqual(
          tourLength(first, distance) + ROUNDING_KM,
        );
        expect(order[0]).toBe(first[0]);
        expect(sorted(order)).toEqual(numbers(stops.length));
        expect(settled).toBe(true);
      }),
    );
  });

  test('once settled with all neighbours, no exchange of two legs makes the tour shorter', () => {
    fc.assert(
      fc.property(points(4, 25), fc.nat(), (stops, seed) => {
        const distance = distanceBetween(stops);
        const { order } = shorten(shuffled(stops.length, seed), distance, stops.length);
        const length = tourLength(order, distance);
        for (const [from, to] of pairs(stops.length)) {
          expect(tourLength(turned(order, from, to), distance)).toBeGreaterThan(
            length - ROUNDING_KM,
          );
        }
      }),
    );
  });

  test.each([
    ['FR', 5],
    ['ES', 2],
  ])(
    'a settled tour over 500 places of %s is left as it is by a second run',
    async (country, seed) => {
      const stops = pickStops(await citiesOf(country, 1000), { count: 500, seed }) ?? [];
      const distance = distanceBetween(stops);
      const settled = shorten(finish(nearestNeighbour(500, 0, distance)), distance, 30);
      expect(settled.swaps).toBeGreaterThan(100);
      const again = shorten(settled.order, distance, 30);
      expect(again).toEqual({ order: settled.order, swaps: 0, settled: true });
    },
  );

  test('it uncrosses a crossing', () => {
    const corners = [at(0, 0), at(0, 1), at(1, 1), at(1, 0)];
    const { order, swaps } = shorten([0, 2, 1, 3], distanceBetween(corners), 3);
    expect(legsOf(order)).toEqual(legsOf([0, 1, 2, 3]));
    expect(swaps).toBe(1);
  });

  test('it ends at its bound with a whole tour, and says that it is not settled', () => {
    const distance = distanceBetween(scattered(100));
    const first = shuffled(100, 3);
    const { order, swaps, settled } = shorten(first, distance, 10, 7);
    expect({ swaps, settled }).toEqual({ swaps: 7, settled: false });
    expect(sorted(order)).toEqual(numbers(100));
  });

  test('no step of the work is long: the distances computed between two yields are bounded', () => {
    const exact = distanceBetween(scattered(600));
    let computed = 0;
    const distance: Distance = (from, to) => {
      computed += 1;
      return exact(from, to);
    };
    const longest = { neighbours: 0, first: 0, shorten: 0 };
    const watch = <Result>(
      part: keyof typeof longest,
      work: Generator<unknown, Result>,
    ): Result => {
      for (;;) {
        computed = 0;
        const step = work.next();
        longest[part] = Math.max(longest[part], computed);
        if (step.done === true) {
          return step.value;
        }
      }
    };
    const neighbours = watch('neighbours', findNeighbours(600, 30, distance));
    const first = watch('first', nearestNeighbour(600, 0, distance));
    watch('shorten', twoOpt(shuffled(600, 1), neighbours, distance, 60_000));
    expect(first).toHaveLength(600);
    for (const most of Object.values(longest)) {
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(DISTANCES_PER_STEP + 600);
    }
  });
});

function turned(order: readonly number[], from: number, to: number): number[] {
  return [
    ...order.slice(0, from),
    ...order.slice(from, to + 1).toReversed(),
    ...order.slice(to + 1),
  ];
}

function pairs(count: number): [from: number, to: number][] {
  return numbers(count).flatMap((from) =>
    numbers(count - from).map((step): [number, number] => [from, from + step]),
  );
}

function shorten(
  first: readonly number[],
  distance: Distance,
  size: number,
  swapsMax = 100_000,
): TwoOptResult {
  const neighbours = finish(findNeighbours(first.length, size, distance));
  return finish(twoOpt(first, neighbours, distance, swapsMax));
}
