// The laws of timers: none fires early, however long; a sleep ends with its signal.
import { afterEach, expect, test, vi } from 'vitest';
import { after, settlesWithin, sleep } from '../../src/std/timer.ts';

afterEach(() => void vi.useRealTimers());

test('C7: a timer beyond the 2^31 ms of Node does not fire at once', async () => {
  let fired = 0;
  const timers = [2 ** 31, 30 * 86_400_000, 3_650 * 86_400_000].map((ms) =>
    after(ms, () => (fired += 1)),
  );
  await sleep(50);
  expect(fired).toBe(0);
  for (const timer of timers) timer.clear();
});

test('C7: a timer of 60 days fires once, after 60 days', () => {
  vi.useFakeTimers();
  const fire = vi.fn();
  const days = (count: number): number => count * 86_400_000;
  after(days(60), fire);
  vi.advanceTimersByTime(days(60) - 1);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fire).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(days(60));
  expect(fire).toHaveBeenCalledTimes(1);
});

test('a cleared timer never fires, not in its second stretch either', () => {
  vi.useFakeTimers();
  const fire = vi.fn();
  const timer = after(4_000_000_000, fire);
  vi.advanceTimersByTime(3_000_000_000);
  timer.clear();
  vi.advanceTimersByTime(3_000_000_000);
  expect(fire).not.toHaveBeenCalled();
});

test('a time in the past fires on the next turn', async () => {
  await new Promise<void>((resolve) => void after(-5, resolve));
});

test('a sleep ends at once when its signal aborts, before or meanwhile', async () => {
  await sleep(60_000, AbortSignal.abort());
  const stop = new AbortController();
  const asleep = sleep(60_000, stop.signal);
  stop.abort();
  await asleep;
});

test('settlesWithin tells whether the promise settled, by resolving or rejecting, within its bound', async () => {
  expect(await settlesWithin(Promise.resolve(1), 1_000)).toBe(true);
  expect(await settlesWithin(Promise.reject(new Error('no')), 1_000)).toBe(true);
  expect(await settlesWithin(new Promise(() => undefined), 5)).toBe(false);
});
