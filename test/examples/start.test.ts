// `npm start`: what runs beside the examples is started with them, and ends with them, however they end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../examples/free-port.ts';
import { eventually, setup } from '../support/unstuck.ts';

test('the assembler is known, does what it is sent, calls back, and stops at Ctrl-C', async () => {
  const { start, unstuck, url } = await begin();
  const assembler = await eventually(() => assemblerOf(url), 'the assembler is known', 60_000);
  const recipe = { segments: [{ kind: 'tone', hz: 440, seconds: 0.1 }], join: { silence: 0 } };
  const { id } = await unstuck.enqueue('assemble', recipe);
  const job = await unstuck.wait(id, { timeout: '30s' });
  expect(job).toMatchObject({ state: 'completed', attempt: 1, result: { samples: 2205 } });
  start.kill('SIGINT');
  const [code] = await once(start, 'exit');
  expect(code).toBe(0);
  await eventually(() => isGone(assembler), 'the assembler has ended too');
}, 120_000);

test('killed, it leaves no assembler behind', async () => {
  const { start, url } = await begin();
  const assembler = await eventually(() => assemblerOf(url), 'the assembler is known', 60_000);
  expect(await isGone(assembler)).toBe(false);
  start.kill('SIGKILL');
  await eventually(() => isGone(assembler), 'the assembler has ended');
}, 120_000);

async function begin() {
  const { unstuck, url: database } = await setup({ sweep: false });
  // Where there is a job already no demo is enqueued.
  await unstuck.enqueue('earlier', {}, { delay: '1h' });
  const directory = await mkdtemp(join(tmpdir(), 'start-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort();
  const main = fileURLToPath(new URL('../../examples/start.ts', import.meta.url));
  const start: ChildProcess = spawn(
    process.execPath,
    ['--conditions=unstuck-source', main, '--no-supervise'],
    {
      stdio: 'ignore',
      env: {
        ...process.env,
        UNSTUCK_DATABASE_URL: database,
        UNSTUCK_DIRECTORY: directory,
        UNSTUCK_PORT: `${port}`,
      },
    },
  );
  onTestFinished(() => void start.kill('SIGKILL'));
  return { start, unstuck, url: `http://127.0.0.1:${port}` };
}

/** Where the assembler is, by what the server says of it; undefined as long as nobody says so. */
async function assemblerOf(url: string): Promise<string | undefined> {
  const answer = await fetch(`${url}/v1/targets/assembler`).catch(() => undefined);
  if (answer?.ok !== true) return undefined;
  const { url: target } = (await answer.json()) as { readonly url: string };
  return new URL(target).origin;
}

async function isGone(assembler: string): Promise<boolean> {
  return fetch(`${assembler}/healthz`).then(
    () => false,
    () => true,
  );
}
