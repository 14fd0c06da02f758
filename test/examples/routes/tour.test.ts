// The laws of a planned tour: whole, shorter, repeatable, and never in the way of the event loop.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distanceBetween, tourLength } from '../../../examples/routes/distance.ts';
import { planTour } from '../../../examples/routes/tour.ts';
import { numbers, points, scattered, sorted } from './points.ts';

/** What adding up the legs in another order may change. */
const ROUNDING_KM = 1e-6;

describe('tour', () => {
  test('it begins at the first point, visits each once, and is no longer than the first tour', async () => {
    await fc.assert(
      fc.asyncProperty(points(1, 50), fc.integer({ min: 1, max: 4 }), async (stops, starts) => {
        const tour = await planTour(stops, { starts });
        expect(tour.order[0]).toBe(0);
        expect(sorted(tour.order)).toEqual(numbers(stops.length));
        expect(tour.lengthAfterKm).toBeLessThanOrEqual(tour.lengthBeforeKm + ROUNDING_KM);
        const length = tourLength(tour.order, distanceBetween(stops));
        expect(tour.lengthAfterKm).toBeCloseTo(length, 6);
        expect(await planTour(stops, { starts })).toEqual(tour);
      }),
    );
  });

  test('more starts never give a longer tour', async () => {
    const stops = scattered(120);
    const one = await planTour(stops);
    const many = await planTour(stops, { starts: 8 });
    expect(many.lengthBeforeKm).toBe(one.lengthBeforeKm);
    expect(many.lengthAfterKm).toBeLessThanOrEqual(one.lengthAfterKm);
  });

  test('progress never falls, stays within 0 and 1, and the event loop turns meanwhile', async () => {
    const fractions: number[] = [];
    let turns = 0;
    const clock = setInterval(() => {
      turns += 1;
    }, 0);
    const onProgress = (fraction: number, note: string): void => {
      fractions.push(fraction);
      expect(note).not.toBe('');
    };
    await planTour(scattered(800), { starts: 3, onProgress });
    clearInterval(clock);
    expect(fractions.length).toBeGreaterThan(10);
    expect(fractions).toEqual(sorted(fractions));
    expect(fractions.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true);
    expect(turns).toBeGreaterThan(3);
  });

  test.each([1, 5, 40])('after an abort at step %i no further step is made', async (abortAt) => {
    const stopping = new AbortController();
    const reason = new Error('enough');
    let steps = 0;
    const onProgress = (): void => {
      steps += 1;
      if (steps === abortAt) {
        stopping.abort(reason);
      }
    };
    const planned = planTour(scattered(800), { starts: 20, signal: stopping.signal, onProgress });
    await expect(planned).rejects.toBe(reason);
    expect(steps).toBe(abortAt);
  });

  test('with a signal that is aborted already nothing is done', async () => {
    const onProgress = (): void => expect.fail('made a step');
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(planTour(scattered(800), { signal, onProgress })).rejects.toThrow('too late');
  });

  test('no point at all is refused', async () => {
    await expect(planTour([])).rejects.toThrow('Expected at least one point');
  });
});
