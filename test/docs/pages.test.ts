// The examples in docs/ compile and run as they stand: `// file: name.ts` names a file of its page, and those that connect are run.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { setup } from '../support/unstuck.ts';

// Each example is a process of its own, which takes seconds on a machine that is busy with other tests.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const run = promisify(execFile);
const BLOCK = /^```(\w+)\n(.*?)^```$/gms;
const FILE = /^\/\/ file: ([\w-]+\.ts)\n/;

interface Page {
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
  readonly statements: readonly string[];
}

const pages: Page[] = await readPages();
let directory = '';

// In the checkout, where `unstuck` and the libraries are found, in a directory that is ignored.
beforeAll(async () => {
  await mkdir('coverage', { recursive: true });
  directory = await mkdtemp(resolve('coverage/docs-'));
  for (const { name, files } of pages) {
    await mkdir(join(directory, name));
    for (const [file, text] of files) await writeFile(join(directory, name, file), text);
  }
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('the examples compile', async () => {
  const settings = { extends: resolve('tsconfig.json'), include: ['**/*.ts'] };
  const project = join(directory, 'tsconfig.json');
  await writeFile(project, JSON.stringify(settings));
  const tsc = resolve('node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', project]).catch(
    (failed: { stdout: string }) => failed,
  );
  expect(stdout).toBe('');
});

for (const { name, files, statements } of pages) {
  for (const [file, text] of files) {
    if (!text.includes('Unstuck.connect')) continue;
    test(`docs/${name}.md: ${file} runs`, async () => {
      const { url, query } = await setup();
      await query('create table users (name text, credit integer not null default 0)');
      await run(process.execPath, ['--conditions=unstuck-source', join(directory, name, file)], {
        // No Redis that somebody uses: a bridge would take its messages. This one is away.
        env: {
          ...process.env,
          DATABASE_URL: url,
          UNSTUCK_LOG_LEVEL: 'error',
          UNSTUCK_REDIS_URL: 'redis://127.0.0.1:1',
        },
        timeout: 150_000,
      });
    });
  }
  if (statements.length === 0) continue;
  test(`docs/${name}.md: its statements run`, async () => {
    const { query } = await setup();
    for (const statement of statements) await query(statement);
  });
}

async function readPages(): Promise<Page[]> {
  const names = (await readdir('docs')).filter((file) => file.endsWith('.md'));
  return Promise.all(
    names.toSorted().map(async (file) => {
      const text = await readFile(join('docs', file), 'utf8');
      const blocks = [...text.matchAll(BLOCK)].map(([, language = '', code = '']) => ({
        language,
        code,
      }));
      return {
        name: file.replace(/\.md$/, ''),
        files: new Map(
          blocks.flatMap(({ code }) => {
            const named = FILE.exec(code)?.[1];
            return named === undefined ? [] : [[named, code] as const];
          }),
        ),
        statements: blocks.filter(({ language }) => language === 'sql').map(({ code }) => code),
      };
    }),
  );
}
