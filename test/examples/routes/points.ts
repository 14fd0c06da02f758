// Points, orders and steps that the tests of the routes example share.

import fc from 'fast-check';
import type { Point } from '../../../examples/routes/distance.ts';

/** Makes a point from degrees. */
export function at(latitude: number, longitude: number): Point {
  return { latitude, longitude };
}

/** Any point of the globe. */
export function point(): fc.Arbitrary<Point> {
  return fc.record({
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
    longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  });
}

/** Stops on a coarse grid now and then, so that equal places and equal distances occur. */
export function points(minLength: number, maxLength: number): fc.Arbitrary<Point[]> {
  const onGrid = fc.record({
    latitude: fc.integer({ min: 45, max: 50 }),
    longitude: fc.integer({ min: 5, max: 10 }),
  });
  return fc.oneof(
    fc.array(point(), { minLength, maxLength }),
    fc.array(onGrid, { minLength, maxLength }),
  );
}

/** Points strewn by the golden angle: no chance, no pattern that 2-opt would find easy. */
export function scattered(count: number): Point[] {
  return numbers(count).map((index) => at(40 + ((index * 7.618) % 10), (index * 137.508) % 20));
}

/** Lists 0 … count − 1. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Sorts numbers, smallest first. */
export function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** Lists 0 … count − 1 in an order that a seed decides. */
export function shuffled(count: number, seed: number): number[] {
  const lots = numbers(count).map((index) => Math.sin(seed + index * 12.9898) * 43_758.5453);
  const lot = (index: number): number => (lots[index] ?? 0) - Math.floor(lots[index] ?? 0);
  return numbers(count).toSorted((a, b) => lot(a) - lot(b));
}

/** The legs of a closed tour without direction: two tours are the same when these are. */
export function legsOf(order: readonly number[]): string[] {
  return order
    .map((stop, index) => sorted([stop, order.at(index - 1) ?? stop]).join('-'))
    .toSorted();
}

/** Runs work that is cut into steps to its end. */
export function finish<Result>(work: Generator<unknown, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) {
      return step.value;
    }
  }
}
