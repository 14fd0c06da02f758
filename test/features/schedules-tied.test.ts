// The laws of schedules whose jobs take slots or count at limits: they follow the rules of those, and let others on.
import { describe, expect, test } from 'vitest';
import { makePartitions } from '../../src/storage/partitions.ts';
import { type Setup, setup } from '../support/unstuck.ts';
import { nominals, setClock, sweeper } from './support/schedules.ts';

const START = '2026-03-10T12:00:00.000Z';
const minute = (n: number): string => new Date(Date.parse(START) + n * 60_000).toISOString();

/** An installation whose clock stands at the start, and nobody who sweeps by himself. */
async function still(): Promise<Setup> {
  const all = await setup({ sweep: false });
  await setClock(all, START);
  await makePartitions(all.database());
  return all;
}

/** Lets the clock stand at each of these minutes, with a sweep at each. */
async function pass(all: Setup, ...at: readonly number[]): Promise<void> {
  const sweep = sweeper(all);
  for (const n of at) {
    await setClock(all, minute(n));
    await sweep.sweepOnce();
  }
}

const MINUTELY = { type: 't', every: '1m', overlap: 'allow', missed: 'all' } as const;

describe('a schedule whose jobs are tied to others', () => {
  test('takes slots: a full pool is its error while it refuses, and its runs wait where they may', async () => {
    const all = await still();
    const { unstuck } = all;
    await unstuck.pools.set('p', { capacity: 1 });
    await unstuck.schedules.set('wait', { ...MINUTELY, slot: 'p', whenFull: 'wait' });
    expect(await unstuck.schedules.get('wait')).toMatchObject({ pool: 'p', limitKey: null });
    await pass(all, 1, 2);
    const waiting = (await unstuck.list()).jobs.map(({ waitsFor }) => waitsFor);
    expect(new Set(waiting)).toEqual(new Set(['slot', 'worker']));
    await unstuck.schedules.set('refuse', { ...MINUTELY, slot: 'p' });
    await pass(all, 3);
    expect((await unstuck.schedules.get('refuse'))?.error?.code).toBe('SLOTS_EXHAUSTED');
    expect(await nominals(all, 'wait')).toEqual([1, 2, 3].map(minute));
  });

  test('replaces a run and lets on whoever waited for its place at the limit', async () => {
    const all = await still();
    const { unstuck } = all;
    await unstuck.limits.set('l', { running: 1 });
    const spec = { type: 't', every: '1m', limit: 'l', overlap: 'replace' } as const;
    await unstuck.schedules.set('s', spec);
    await pass(all, 1);
    const other = await unstuck.enqueue('t', 1, { limit: 'l' });
    expect(await unstuck.get(other.id)).toMatchObject({ waitsFor: 'limit' });
    await pass(all, 2);
    const states = (await unstuck.list()).jobs.map(({ state, waitsFor }) => waitsFor ?? state);
    expect(states.toSorted()).toEqual(['cancelled', 'limit', 'worker']);
    expect(await unstuck.get(other.id)).toMatchObject({ waitsFor: 'worker' });
  });
});
