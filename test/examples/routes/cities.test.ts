// The laws of the places: real ones, and the same stops for the same seed.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { citiesOf, pickStops } from '../../../examples/routes/cities.ts';
import { numbers, sorted } from './points.ts';

describe('cities', () => {
  test('they are real, in the country, large enough, most populous first', async () => {
    const cities = await citiesOf('DE', 20_000);
    expect(cities[0]).toMatchObject({ id: 2950159, name: 'Berlin' });
    expect(cities.length).toBeGreaterThan(500);
    expect(cities.every((city) => city.population >= 20_000)).toBe(true);
    expect(cities.map((city) => -city.population)).toEqual(
      sorted(cities.map((city) => -city.population)),
    );
    expect(await citiesOf('ZZ', 0)).toEqual([]);
  });

  test('a seed always picks the same stops, all different, the depot first', async () => {
    const cities = await citiesOf('FR', 1000);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (count, seed) => {
        const stops = pickStops(cities, { count, seed, depot: 'Lyon' }) ?? [];
        expect(stops[0]?.name).toBe('Lyon');
        expect(new Set(stops).size).toBe(count);
        expect(pickStops(cities, { count, seed, depot: 'Lyon' })).toEqual(stops);
      }),
      { numRuns: 20 },
    );
  });

  test('another seed picks others, and chance favours no place', async () => {
    const cities = await citiesOf('FR', 1000);
    const ranks = numbers(20)
      .flatMap((seed) => pickStops(cities, { count: 200, seed })?.slice(1) ?? [])
      .map((city) => cities.indexOf(city) / cities.length);
    const mean = ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length;
    expect(mean).toBeGreaterThan(0.48);
    expect(mean).toBeLessThan(0.52);
    expect(new Set(ranks).size).toBeGreaterThan(3000);
  });

  test('without enough places all are picked; a depot that nobody knows is told apart', async () => {
    const cities = await citiesOf('IS', 1000);
    expect(pickStops(cities, { count: 2000, seed: 1 })).toHaveLength(cities.length);
    expect(pickStops(cities, { count: 5, seed: 1, depot: 'Atlantis' })).toBeUndefined();
    expect(pickStops([], { count: 5, seed: 1 })).toEqual([]);
  });
});
