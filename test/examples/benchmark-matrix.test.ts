// S4: the benchmark from end to end, on a real database: every cell written, by whichever provider answers.
import { describe, expect, test } from 'vitest';
import { cellJob, matrixJob } from '../../examples/benchmark-matrix/benchmark-jobs.ts';
import { enqueueDemo } from '../../examples/benchmark-matrix/demo.ts';
import { jobs } from '../../examples/benchmark-matrix/index.ts';
import { setup } from '../support/unstuck.ts';

describe('the benchmark', () => {
  test('S4.4 S4.6 the demo ends as it says: refusing and hanging providers are passed over, cells that fail are named', async () => {
    const { unstuck } = await setup();
    const demo = await enqueueDemo(unstuck);
    await unstuck.work(jobs);
    const ended = await Promise.all(
      demo.map(({ id }) => unstuck.wait(id, { timeout: '80s', as: matrixJob })),
    );
    expect(ended.map(({ state }) => state)).toEqual(demo.map(({ ends }) => ends));
    const [whole, passedOver, third] = ended;
    expect(whole?.result).toMatchObject({ measured: 60, failed: [] });
    expect(whole?.result?.best).toHaveLength(5);
    expect(passedOver?.result).toMatchObject({ measured: 8, failed: [] });
    const [brotli] = await unstuck.executions.list(passedOver?.id ?? '', { after: 3, limit: 1 });
    expect(brotli).toMatchObject({
      cell: { codec: 'brotli', level: 1, sample: 'prose' },
      state: 'completed',
      attempt: 5,
    });
    expect(third?.error?.message).toContain('"level":11');
  }, 120_000);

  test('a second demo enqueues nothing twice while the first one lives', async () => {
    const { unstuck } = await setup({ sweep: false });
    const first = await enqueueDemo(unstuck);
    const second = await enqueueDemo(unstuck);
    expect(second).toEqual(first.map((job) => ({ ...job, created: false })));
  });

  test('its table is made of what its cells measured', async () => {
    const { unstuck } = await setup();
    await unstuck.work(jobs);
    const input = { codecs: ['gzip', 'brotli'], levels: [9], samples: ['prose'] } as const;
    const { id } = await unstuck.enqueue(matrixJob, {
      codecs: [...input.codecs],
      levels: [...input.levels],
      samples: [...input.samples],
    });
    const { result } = await unstuck.wait(id, { timeout: '20s', as: matrixJob });
    expect(result).toMatchObject({ measured: 2, failed: [], best: [{ sample: 'prose' }] });
    expect(result?.best[0]?.smallest).toMatchObject({ codec: 'brotli', level: 9 });
    expect(result?.table).toContain('| prose |');
  });
});

describe('a cell', () => {
  test('that nobody can measure fails at once, whatever providers remain', async () => {
    const { unstuck } = await setup();
    await unstuck.work([cellJob]);
    const { id } = await unstuck.enqueue(cellJob, {
      codec: 'deflate',
      level: 12,
      sample: 'log',
      providers: ['here', 'hanging'],
    });
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'LEVEL_UNKNOWN' },
    });
  });

  test('is refused at the enqueue when its codec, sample or provider is none', async () => {
    const { unstuck } = await setup({ sweep: false });
    const good = { codec: 'gzip', level: 1, sample: 'log', providers: ['here'] };
    for (const bad of [{ codec: 'rar' }, { sample: 'music' }, { level: 1.5 }])
      await expect(unstuck.enqueue(cellJob, { ...good, ...bad } as never)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
    await expect(
      unstuck.enqueue(cellJob, { ...good, providers: [] } as never),
    ).rejects.toMatchObject({
      code: 'PROVIDERS_INVALID',
    });
  });
});
