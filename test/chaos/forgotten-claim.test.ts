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

/** Starts a worker; resolves when what a start writes to disk is written, and the next thing is a heartbeat seconds later. */
async function workQuietly(
  { server, unstuck }: Awaited<ReturnType<typeof forgetful>>,
  ...[jobs, options]: Parameters<Unstuck['work']>
): Promise<void> {
  await unstuck.work(jobs, options);
  const beaten = 'select from unstuck.workers where beat_at > started_at';
  await eventually(async () => (await onServer(server.url, beaten)).length > 0, 'a heartbeat');
}

test('a job whose claim was forgotten is claimed again, also by the process that runs it, and ends once', async () => {
  const installation = await forgetful();
  const { server, unstuck } = installation;
  const tokens: string[] = [];
  const late = gate();
  const fragile = job('fragile', async ({ token }) => {
    tokens.push(token);
    if (tokens.length > 1) return 'the second';
    await server.stopImmediate();
    await server.startAgain();
    await late.promise;
    return 'the first';
  });
  await workQuietly(installation, [fragile], { concurrency: 2 });
  const { id } = await unstuck.enqueue(fragile, 1);
  await eventually(() => tokens.length === 2, 'it ran again', 30_000).catch(() => undefined);
  late.open();
  const done = await unstuck.wait(id, { timeout: '30s' });
  // What was given to the first was forgotten, and given again.
  expect(tokens).toEqual(['1', '1']);
  expect(done.state).toBe('completed');
  expect(await onServer(server.url, 'select from unstuck.all_jobs')).toHaveLength(1);
}, 90_000);

test('after an attempt was forgotten, claims wait for the disk: a job that brings the server down is charged for it', async () => {
  const installation = await forgetful();
  const { server, unstuck } = installation;
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
  await workQuietly(installation, [deadly], { concurrency: 1 });
  const { id } = await unstuck.enqueue(deadly, 1);
  const done = await unstuck.wait(id, { timeout: '80s' });
  expect(done.state).toBe('failed');
  expect(tokens[0], 'the first claim was forgotten').toBe('0');
  // As long as its claims are forgotten, no end of it is accepted.
  expect(tokens.at(-1)).not.toBe('0');
}, 120_000);
