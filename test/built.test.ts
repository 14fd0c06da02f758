// The package as it is built: what starts threads and processes finds them, and nobody loads what he does not use.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { makeProject } from './support/built-project.ts';
import { freshDatabase } from './support/database.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** The schema is written by hand, so that no package for schemas is loaded. */
const JOBS = `
import { defineJob } from 'unstuck';
const input = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const where = () => ({ pid: process.pid });
export const here = defineJob({ type: 'here', input, run: where });
export const isolated = defineJob({ type: 'isolated', input, isolate: true, module: import.meta.url, run: where });
`;

const START = `
import { registerHooks } from 'node:module';
const loaded = [];
registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
const { Unstuck } = await import('unstuck');
const { here, isolated } = await import('./jobs.js');
const unstuck = await Unstuck.connect({ logLevel: 'error' });
await unstuck.work([here, isolated]);
`;

let project: Awaited<ReturnType<typeof makeProject>>;

beforeAll(async () => {
  project = await makeProject();
  await writeFile(join(project.directory, 'jobs.js'), JOBS);
});
afterAll(() => project.remove());

test('runs jobs, guards them by its thread, and isolates those that ask for it', async () => {
  const { pid, results } = await runProgram(`${START}
    const results = [];
    for (const job of [here, isolated]) {
      const { id } = await unstuck.enqueue(job, {});
      results.push((await unstuck.wait(id)).result.pid);
    }
    await unstuck.close();
    console.log(JSON.stringify({ pid: process.pid, results }));`);
  const [byHere, byIsolated] = results;
  expect(byHere).toBe(pid);
  expect(byIsolated).toBeGreaterThan(0);
  expect(byIsolated).not.toBe(pid);
});

describe('a worker without jobs', () => {
  test('loads four files, and no package but what it cannot do without', async () => {
    const { loaded } = await runProgram(
      `${START} console.log(JSON.stringify({ loaded })); process.exit(0);`,
    );
    const own = loaded.filter((url: string) => url.includes('/unstuck/dist/'));
    const names = own.map((url: string) => url.split('/dist/')[1]);
    expect(names.toSorted()).toEqual([
      'chunks/base.js',
      'chunks/library.js',
      'chunks/lifeline.js',
      'index.js',
    ]);
    const packages = loaded.map(
      (url: string) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1],
    );
    expect(
      packages.filter((name: string) => /zod|hono|commander|pino|prom|jose/.test(name)),
    ).toEqual([]);
  });

  test("loads neither Node's HTTP, nor its TLS, nor its fetch", async () => {
    const { modules } = await runProgram(
      `${START} console.log(JSON.stringify({ modules: process.moduleLoadList })); process.exit(0);`,
    );
    const named = /NativeModule (?:http|https|tls|child_process|internal\/deps\/undici\/.*)$/;
    expect(modules.length).toBeGreaterThan(50);
    expect(modules.filter((name: string) => named.test(name))).toEqual([]);
  });
});

test('the command runs', async () => {
  const main = join(project.directory, 'node_modules/unstuck/dist/cli/main.js');
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--version']);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

async function runProgram(program: string) {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const file = join(project.directory, 'program.js');
  await writeFile(file, program);
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    env: { PATH: process.env['PATH'], UNSTUCK_DATABASE_URL: database.url },
  });
  return JSON.parse(stdout);
}
