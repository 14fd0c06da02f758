// The laws of the job type `route`: what it accepts, returns, refuses, and rehearses.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { POISON_SWITCH } from '../../../examples/routes/faults.ts';
import { jobs } from '../../../examples/routes/index.ts';
import { type RouteInput, routeJob } from '../../../examples/routes/route-job.ts';

type RouteRun = Parameters<typeof routeJob.run>[0];

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('input', () => {
  test.each([
    { country: 'DE', stops: 2 },
    { country: 'DE', stops: 2000, depot: 'Köln', populationMin: 0, seed: 0, starts: 500 },
    { country: 'DE', stops: 50, fault: 'transient' },
  ])('accepts %j', async (input) => {
    expect(await accepts(input)).toBe(true);
  });

  test.each([
    {},
    { country: 'DE' },
    { country: 'de', stops: 10 },
    { country: 'Germany', stops: 10 },
    { country: 'DE', stops: 1 },
    { country: 'DE', stops: 2001 },
    { country: 'DE', stops: 10.5 },
    { country: 'DE', stops: '10' },
    { country: 'DE', stops: 10, seed: -1 },
    { country: 'DE', stops: 10, starts: 0 },
    { country: 'DE', stops: 10, fault: 'other' },
    { country: 'DE', stops: 10, speed: 100 },
  ])('refuses %j', async (input) => {
    expect(await accepts(input)).toBe(false);
  });
});

describe('run', () => {
  test('it returns both lengths, what was gained, and where the tour begins and ends', async () => {
    const result = await run({ country: 'DE', stops: 120, depot: 'Hamburg' });
    expect(result).toMatchObject({ country: 'DE', depot: 'Hamburg', stops: 120 });
    expect(result.lengthAfterKm).toBeLessThan(result.lengthBeforeKm);
    expect(result.improvementPercent).toBeCloseTo(
      (1 - result.lengthAfterKm / result.lengthBeforeKm) * 100,
      1,
    );
    expect(result.swaps).toBeGreaterThan(0);
    expect(result.firstStops).toHaveLength(5);
    expect(result.firstStops[0]).toBe('Hamburg');
    expect(result.lastStops).toHaveLength(5);
    expect(JSON.parse(JSON.stringify(result))).toStrictEqual(result);
  });

  test('it gives the same route again', async () => {
    const input = { country: 'FR', stops: 80, seed: 3, starts: 2 };
    const { tookMs: _first, ...first } = await run(input);
    const { tookMs: _second, ...second } = await run(input);
    expect(second).toEqual(first);
  });

  test('two stops are a tour already: nothing is gained, and the result has no -0', async () => {
    const result = await run({ country: 'MC', stops: 2 });
    expect(result).toMatchObject({ stops: 2, improvementPercent: 0, swaps: 0 });
    expect(Object.is(result.improvementPercent, 0)).toBe(true);
  });

  test('it reports its progress in words', async () => {
    const reported: [fraction: number, note: string | undefined][] = [];
    const progress = (fraction: number, note?: string): void => {
      reported.push([fraction, note]);
    };
    await run({ country: 'IT', stops: 400, starts: 2 }, { progress });
    expect(reported[0]).toEqual([0, 'choosing the places']);
    expect(reported.length).toBeGreaterThan(5);
    expect(reported.some(([, note]) => note?.includes('start 2 of 2, best ') === true)).toBe(true);
  });

  test('it stops when its signal is aborted', async () => {
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(run({ country: 'IT', stops: 400 }, { signal })).rejects.toThrow('cancelled');
  });

  test('a country without enough places, or without the depot, fails for good by name', async () => {
    await expect(run({ country: 'VA', stops: 500 })).rejects.toMatchObject({
      name: 'Fail',
      code: 'PLACES_MISSING',
      message: expect.stringContaining('found 0'),
    });
    await expect(run({ country: 'DE', stops: 5, depot: 'Atlantis' })).rejects.toMatchObject({
      name: 'Fail',
      code: 'DEPOT_UNKNOWN',
    });
  });
});

describe('faults', () => {
  test('a transient one fails the first attempt, with retry, and not the second', async () => {
    const input: RouteInput = { country: 'DE', stops: 5, fault: 'transient' };
    await expect(run(input)).rejects.toMatchObject({ name: 'Error' });
    expect(await run(input, { attempt: 2 })).toMatchObject({ stops: 5 });
  });

  test('a poisoned one is refused where nobody allowed it', async () => {
    vi.stubEnv(POISON_SWITCH, '');
    await expect(run({ country: 'DE', stops: 5, fault: 'poison' })).rejects.toMatchObject({
      name: 'Fail',
      code: 'POISON_REFUSED',
    });
  });

  test('a poisoned one kills its process where it is allowed', async () => {
    vi.stubEnv(POISON_SWITCH, '1');
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    await run({ country: 'DE', stops: 5, fault: 'poison' });
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGKILL');
    kill.mockRestore();
  });
});

test('the module exports its job types', () => {
  expect(jobs).toEqual([routeJob]);
});

async function accepts(input: unknown): Promise<boolean> {
  const checked = await routeJob.schema['~standard'].validate(input);
  return checked.issues === undefined;
}

async function run(
  input: RouteInput,
  attempt: Partial<RouteRun> = {},
): Promise<Awaited<ReturnType<typeof routeJob.run>>> {
  const job = { input, attempt: 1, signal: new AbortController().signal, progress: () => {} };
  return routeJob.run({ ...job, ...attempt } as RouteRun);
}
