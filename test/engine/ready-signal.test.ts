// The laws of the ready signal: a wait ends by what it waits for, by its time, by its signal, or by the end of all.
import { expect, test } from 'vitest';
import { ReadySignal } from '../../src/engine/ready-signal.ts';

const LONG_MS = 3_600_000;

test('jobs of its types end a wait, those of others do not', async () => {
  const ready = new ReadySignal();
  const told: string[] = [];
  const [a, b] = ['a', 'b'].map((type) =>
    ready.wait([type], LONG_MS).then((is) => told.push(`${type} ${is}`)),
  );
  ready.tell(new Set(['b']));
  await b;
  expect(told).toEqual(['b true']);
  ready.tell();
  await a;
  expect(told).toEqual(['b true', 'a true']);
});

test('time, the signal and the close end a wait with nothing told', async () => {
  const ready = new ReadySignal();
  expect(await ready.wait(['a'], 1)).toBe(false);
  expect(await ready.wait(['a'], LONG_MS, AbortSignal.abort())).toBe(false);
  const stop = new AbortController();
  const waits = [ready.wait(['a'], LONG_MS, stop.signal), ready.wait(['a'], LONG_MS)];
  stop.abort();
  expect(await waits[0]).toBe(false);
  ready.close();
  expect(await waits[1]).toBe(false);
  expect(await ready.wait(['a'], LONG_MS)).toBe(false);
});

test('of many that wait for a type the two are told that have waited longest', async () => {
  const ready = new ReadySignal();
  const told: number[] = [];
  for (const at of [0, 1, 2, 3, 4])
    void ready.wait(at === 1 ? ['b'] : ['a', 'b'], LONG_MS).then((is) => is && told.push(at));
  ready.tell(new Set(['a']));
  await Promise.resolve();
  expect(told).toEqual([0, 2]);
  ready.tell(new Set(['a', 'b']));
  await Promise.resolve();
  expect(told).toEqual([0, 2, 3, 4, 1]);
});
