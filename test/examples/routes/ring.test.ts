// The laws of a closed tour in which stretches are turned round.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ring } from '../../../examples/routes/ring.ts';
import { legsOf, numbers } from './points.ts';

describe('ring', () => {
  test('turning a stretch round gives the tour that turning a list gives, whichever way it is read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(29), fc.nat(29), (count, from, to) => {
        const ring = new Ring(numbers(count));
        ring.reverse(from % count, to % count);
        const length = (((to % count) - (from % count) + count) % count) + 1;
        const turned = rotated(numbers(count), from % count);
        const expected = [...turned.slice(0, length).toReversed(), ...turned.slice(length)];
        expect(legsOf(ring.startingAt(0))).toEqual(legsOf(expected));
        for (const stop of numbers(count)) {
          expect(ring.previous(ring.next(stop))).toBe(stop);
        }
      }),
    );
  });
});

function rotated(order: readonly number[], by: number): number[] {
  return [...order.slice(by), ...order.slice(0, by)];
}
