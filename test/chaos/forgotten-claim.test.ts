// What a crash of the server may forget: a claim, which does not wait for the disk (decision 034). Never a job, and never an end.
import { expect, onTestFinished, test } from 'vitest';
import { Unstuck } from '../../src/unstuck.ts';
import { startTestServer, type TestServer } from '../support/postgres.ts';
import { onServer } from '../support/template.ts';
import { eventually, gate, job } from '../support/unstuck.ts';

/** A server whose log writer sleeps for ten seconds, and a process that writes little besides: what does not wait for the disk is lost when it crashes. */
async function forgetful(): Promise<{ server: TestServer; unstuck: Unstuck }> {
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  await onServer(server.url, `alter system set wal_writer_delay = '10s'`);
  await server.startAgain();
  const unstuck = await Unstuck.connect({
    database: server.url,
    logLevel: 'silent',
    lease: '30s',
    sweep: false,
  });
  onTestFinished(() => unstuck.close());
  return { server, unstuck };
}

test('a job whose claim was forgotten is claimed again, also by the process that runs it, and ends once', async () => {
  const { server, unstuck } = await forgetful();
  let forgotten = false;
  let runs = 0;
  const late = gate();
  const fragile = job('fragile', async () => {
    runs += 1;
    if (runs > 1) return 'the second';
    await server.stopImmediate();
    await server.startAgain();
    const rows = await onServer<{ token: string }>(server.url, 'select token from unstuck.jobs');
    forgotten = rows[0]?.token === '0';
    await late.promise;
    return 'the first';
  });
  await unstuck.work([fragile], { concurrency: 2 });
  const { id } = await unstuck.enqueue(fragile, 1);
  await eventually(() => !forgotten || runs === 2, 'it ran again', 30_000).catch(() => undefined);
  late.open();
  const done = await unstuck.wait(id, { timeout: '30s' });
  expect(forgotten).toBe(true);
  expect(runs).toBe(2);
  expect(done.state).toBe('completed');
  expect(await onServer(server.url, 'select from unstuck.all_jobs')).toHaveLength(1);
}, 90_000);

test('after an attempt was forgotten, claims wait for the disk: a job that brings the server down is charged for it', async () => {
  const { server, unstuck } = await forgetful();
  const tokens: string[] = [];
  const deadly = job(
    'deadly',
    async () => {
      await server.stopImmediate();
      await server.startAgain();
      const rows = await onServer<{ token: string }>(server.url, 'select token from unstuck.jobs');
      tokens.push(...rows.map(({ token }) => token));
      throw new Error('the server went down');
    },
    { retry: { attempts: 1 } },
  );
  await unstuck.work([deadly], { concurrency: 1 });
  const { id } = await unstuck.enqueue(deadly, 1);
  const done = await unstuck.wait(id, { timeout: '80s' });
  expect(done.state).toBe('failed');
  expect(tokens[0], 'the first claim was forgotten').toBe('0');
  // As long as its claims are forgotten, no end of it is accepted.
  expect(tokens.at(-1)).not.toBe('0');
}, 120_000);
