// The laws of distances on the globe.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distanceBetween, haversineKm } from '../../../examples/routes/distance.ts';
import { at, point } from './points.ts';

const HALF_ROUND_KM = 20_015.2;

describe('distance', () => {
  test('known distances come out', () => {
    const berlin = { latitude: 52.52, longitude: 13.405 };
    const paris = { latitude: 48.8566, longitude: 2.3522 };
    expect(haversineKm(berlin, paris)).toBeCloseTo(877.5, 0);
    expect(haversineKm(at(0, 0), at(90, 0))).toBeCloseTo(10_007.6, 1);
    expect(haversineKm(at(0, 179.5), at(0, -179.5))).toBeCloseTo(111.19, 1);
  });

  test('it is the same both ways, nothing to the place itself, never more than half round the globe', () => {
    fc.assert(
      fc.property(point(), point(), (a, b) => {
        expect(haversineKm(a, b)).toBe(haversineKm(b, a));
        expect(haversineKm(a, a)).toBe(0);
        expect(haversineKm(a, b)).toBeLessThan(HALF_ROUND_KM);
      }),
    );
  });

  test('the fast way gives what the haversine formula gives', () => {
    fc.assert(
      fc.property(point(), point(), (a, b) => {
        expect(distanceBetween([a, b])(0, 1)).toBeCloseTo(haversineKm(a, b), 2);
      }),
    );
  });
});
