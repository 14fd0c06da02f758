// What a handler is given: data, and what is made when it is asked for, however the handler takes it.
import { expect, test } from 'vitest';
import { Attempt } from '../../src/engine/attempt.ts';
import { runningJob } from '../../src/engine/running-job.ts';
import { job } from '../support/unstuck.ts';

function made() {
  const nothing = (): void => undefined;
  const asked: string[] = [];
  const row = { id: 'one', token: '7', type: 'plain', attempt: 2, attempts_max: 3 } as never;
  const attempt = new Attempt('w', row, job('plain', nothing) as never, { timeoutMs: 1 } as never);
  const given = runningJob(
    attempt,
    { n: 1 },
    {
      log: { debug: nothing, info: (event) => asked.push(event), warn: nothing, error: nothing },
      heartbeat: () => ({ confirmedMsAgo: 5, held: true }),
      transaction: async () => 'stored' as never,
    },
  );
  return { given, attempt, asked };
}

test('a job can be taken apart, copied and wrapped: all that it has goes along', async () => {
  const { given, attempt, asked } = made();
  const ways = [given, { ...given }, Object.create(given) as typeof given, new Proxy(given, {})];
  for (const way of ways) {
    const { id, input, signal, log, heartbeat } = way;
    expect({ id, input, heartbeat }).toEqual({
      id: 'one',
      input: { n: 1 },
      heartbeat: { confirmedMsAgo: 5, held: true },
    });
    expect(signal).toBe(attempt.signal);
    log.info('said');
    expect(typeof way.progress).toBe('function');
    expect(await way.transaction(async () => 'stored')).toBe('stored');
  }
  expect(asked).toEqual(['said', 'said', 'said', 'said']);
  expect(Object.keys(given)).toEqual(Object.keys({ ...given }));
});

test('the log of a job is one, and so is its signal', () => {
  const { given } = made();
  expect(given.log).toBe(given.log);
  expect(given.signal).toBe(given.signal);
});
