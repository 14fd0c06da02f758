// S2: what `npm run examples` shows of the episodes, on a database of its own for each requirement.
import { describe, expect, onTestFinished, test } from 'vitest';
import { requirements } from '../../../examples/episodes/requirements.ts';
import type { Stage } from '../../../examples/requirement.ts';
import { setup } from '../../support/unstuck.ts';

describe('every requirement holds', () => {
  test.each(requirements)(
    '$id: $says',
    async ({ check }) => {
      const seen = await check(await stage());
      console.info(seen);
      expect(seen).not.toBe('');
    },
    120_000,
  );
});

async function stage(): Promise<Stage> {
  const { unstuck, connect } = await setup({ sweep: false });
  return {
    unstuck,
    connect,
    logged: new Set(),
    work: async (types, options) => {
      const worker = await unstuck.work(types, options);
      onTestFinished(() => worker.stop());
      return worker;
    },
    startWorkerProcess: () => expect.fail('no requirement of this example needs one'),
  };
}
