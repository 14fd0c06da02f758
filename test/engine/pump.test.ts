// The laws of the pump: a worker that can do nothing but wait is well, whatever went wrong before, and what it has fetched starts.
import { expect, onTestFinished, test, vi } from 'vitest';
import { Pump } from '../../src/engine/pump.ts';
import { monotonicMs } from '../../src/std/timer.ts';
import { eventually } from '../support/unstuck.ts';

const nothing = (): void => undefined;

test('B14: a job that runs alone for long, after a claim that failed, is no missing pulse', async () => {
  const errors: string[] = [];
  const log = {
    debug: nothing,
    info: nothing,
    warn: (event: string) => errors.push(event),
    error: nothing,
  };
  const flush = async (): Promise<void> => undefined;
  const alone = { occupied: false, running: false };
  const claimer = { workerId: 'w', over: [], claim: () => Promise.reject(new Error('away')) };
  const pump = new Pump(
    { config: { pollInterval: 5, lease: 10_000 } } as never,
    {
      roster: { room: () => 1, startReady: nothing } as never,
      settler: { flush, flushApart: flush, take: () => [], waiting: 0 } as never,
      alone: alone as never,
    },
    { claimer: () => claimer as never, attempt: nothing as never, lose: nothing, release: nothing },
    log,
  );
  onTestFinished(() => pump.stop());
  pump.start();
  await eventually(() => errors.length > 1, 'both loops have failed');
  alone.occupied = true;
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  // The time that is moved by hand begins with 0, far behind that of the last good round.
  vi.advanceTimersByTime(600_000);
  expect(pump.stalled).toEqual(['pump', 'second pump']);
  await eventually(() => pump.stalled.length === 0, 'rounds without a claim are good', 5_000);
});

test('what a claim brings starts, whatever else of its round is held up', async () => {
  const never = new Promise<void>(() => undefined);
  for (const isFull of [false, true]) {
    const started: unknown[] = [];
    const queued: unknown[] = [];
    const roster = {
      room: (claiming: number) => Math.min(2, 10 - queued.length - claiming),
      hold: nothing,
      queue: (attempts: readonly unknown[]) => queued.push(...attempts),
      startReady: () => started.push(...queued.slice(started.length)),
    };
    const jobs = isFull ? [{ id: 'a' }, { id: 'b' }] : [{ id: 'a' }];
    const answer = { claimId: 'c', jobs, refused: [], alone: false, again: false };
    const sentAt = monotonicMs();
    const claimer = { workerId: 'w', over: [], claim: async () => ({ ...answer, sentAt }) };
    const pump = new Pump(
      { config: { pollInterval: 60_000, lease: 60_000 } } as never,
      {
        roster: roster as never,
        // A row that is to be deferred is locked by somebody.
        settler: { flush: nothing, flushApart: () => never, take: () => [], waiting: 0 } as never,
        alone: { occupied: false, running: false } as never,
      },
      {
        claimer: () => claimer as never,
        attempt: (_, row) => ({ row }) as never,
        lose: nothing,
        release: nothing,
      },
      { debug: nothing, info: nothing, warn: nothing, error: nothing },
    );
    pump.start();
    await eventually(
      () => queued.length === 2 * jobs.length && started.length === queued.length,
      'all that came to both loops has started',
    );
  }
});
