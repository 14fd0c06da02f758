// The handler in Next, as a route handler of the app router: a real project in a directory of its own, served by `next dev`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeProject } from '../support/built-project.ts';
import { freshDatabase } from '../support/database.ts';
import { checkRoutes, PREFIX } from './support/mounted.ts';

vi.setConfig({ testTimeout: 180_000 });

/** As in docs/mounting.md, and a stream. */
const ROUTE = `
import { Unstuck } from 'unstuck';
import { createHandler } from 'unstuck/http';

let handler;
let left = 0;

async function answer(request) {
  if (request.url.endsWith('/test-left')) return Response.json(left);
  if (request.url.endsWith('/test-stream')) {
    const start = (controller) => controller.enqueue(new TextEncoder().encode('data: 1\\n\\n'));
    return new Response(new ReadableStream({ start, cancel: () => void (left += 1) }));
  }
  handler ??= Unstuck.connect().then((unstuck) => createHandler(unstuck, { prefix: '${PREFIX}' }));
  return (await handler)(request);
}

export { answer as GET, answer as POST, answer as PUT, answer as PATCH, answer as DELETE };
`;

test('mounted in Next everything is as at the root, and streams flow', async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const directory = await makeNextProject();
  const origin = await serveNext(directory, { UNSTUCK_DATABASE_URL: database.url });

  await checkRoutes(origin);
  const leave = new AbortController();
  const answer = await fetch(`${origin}${PREFIX}/test-stream`, { signal: leave.signal });
  const { value } = await (answer.body as ReadableStream<Uint8Array>).getReader().read();
  expect(new TextDecoder().decode(value)).toBe('data: 1\n\n');
  leave.abort();
  const left = async (): Promise<unknown> => (await fetch(`${origin}${PREFIX}/test-left`)).json();
  await expect.poll(left, { timeout: 30_000 }).toBe(1);
});

/** A project of Next that answers with this package, built. */
async function makeNextProject(): Promise<string> {
  const { directory, remove } = await makeProject();
  onTestFinished(remove);
  const route = join(directory, 'app', PREFIX, '[...path]');
  await mkdir(route, { recursive: true });
  await writeFile(join(route, 'route.js'), ROUTE);
  await writeFile(
    join(directory, 'app/layout.js'),
    'export default function Layout({ children }) { return children; }',
  );
  await writeFile(
    join(directory, 'next.config.mjs'),
    "export default { serverExternalPackages: ['unstuck'] };",
  );
  return directory;
}

/** Resolves with the origin when Next says that it listens; its process group is killed after the test. */
async function serveNext(directory: string, env: Record<string, string>): Promise<string> {
  const args = [
    'node_modules/next/dist/bin/next',
    'dev',
    '--webpack',
    '-p',
    '0',
    '-H',
    '127.0.0.1',
  ];
  const child = spawn(process.execPath, args, {
    cwd: directory,
    detached: true,
    env: { PATH: process.env['PATH'], NEXT_TELEMETRY_DISABLED: '1', ...env },
  });
  onTestFinished(() => killGroup(child));
  let output = '';
  return new Promise((resolve, reject) => {
    const onText = (text: unknown): void => {
      output += String(text);
      const [origin] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? [];
      if (origin !== undefined && output.includes('Ready')) resolve(origin);
    };
    child.stdout.on('data', onText);
    child.stderr.on('data', onText);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`next ended with ${code}: ${output}`)));
  });
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const closed = once(child, 'close');
  process.kill(-child.pid, 'SIGKILL');
  await closed;
}
