// The laws of chores: the work of features is done in every round of the sweep, and one that fails keeps no other from its work.
import { expect, test } from 'vitest';
import { Sweeper } from '../../src/engine/sweeper.ts';
import { setup } from '../support/unstuck.ts';

test('every round does every chore, and a failed one is part of what the round throws', async () => {
  const { database, unstuck, query } = await setup({ sweep: false });
  const done: string[] = [];
  const woken: string[] = [];
  const hooks = {
    ready: (types: ReadonlySet<string>): void => void woken.push(...types),
    notify: () => Promise.resolve(),
  };
  let broken = true;
  const sweeper = new Sweeper(database(), unstuck.log, hooks, [
    {
      name: 'broken',
      work: 'schedules',
      run: () =>
        broken
          ? Promise.reject(new Error('no'))
          : Promise.resolve({ ready: new Set(), done: 0, more: false }),
    },
    {
      name: 'good',
      work: 'schedules',
      run: (on) => {
        done.push(on.config.schema);
        return Promise.resolve({ ready: new Set(['mail']), done: 2, more: true });
      },
    },
  ]);
  await expect(sweeper.sweepOnce()).rejects.toMatchObject({
    message: 'no',
    errors: [expect.objectContaining({ message: 'no' })],
  });
  expect({ done, woken }).toEqual({ done: ['unstuck'], woken: ['mail'] });
  expect(await query('select from unstuck.ticks where last_ok_at is not null')).toEqual([]);
  broken = false;
  expect(await sweeper.sweepOnce()).toEqual({ findings: 0, more: true });
  expect(sweeper.moved.get('good')).toBe(4);
  expect(done).toHaveLength(2);
  expect(await query('select from unstuck.ticks where last_ok_at is not null')).toHaveLength(1);
});
