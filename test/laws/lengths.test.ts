// A file has at most 400 lines, a function at most 70 (the linter counts those): longer ones hide a second idea.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { lengthViolations } from './support/lengths.ts';
import { readSources, sourceFiles } from './support/source-files.ts';

test('no file is longer than 400 lines', () => {
  expect(lengthViolations(readSources('src', 'test', 'scripts', 'examples'))).toEqual([]);
});

test('the law catches the 401st line and lets the 400th pass', () => {
  const files = sourceFiles({ 'src/a.ts': 'x\n'.repeat(400), 'src/b.ts': 'x\n'.repeat(401) });
  expect(lengthViolations(files)).toEqual(['src/b.ts: 401 lines, expected at most 400']);
});

test('the law lets a generated file pass, and one that only speaks of it does not', () => {
  const text = 'x\n'.repeat(401);
  const files = sourceFiles({
    'src/a.ts': `/** A. Written by \`npm run docs\` from b. */\n${text}`,
    'src/b.ts': `/** B. */\n/** Written by \`npm run docs\`. */\n${text}`,
  });
  expect(lengthViolations(files)).toEqual(['src/b.ts: 403 lines, expected at most 400']);
});

test('the linter catches the 71st line of a function and lets the 70th pass', async () => {
  expect(await lint(functionOf(70))).toBe('');
  expect(await lint(functionOf(71))).toContain('max-lines-per-function');
});

/** A function of so many lines, its first and last included. */
function functionOf(lines: number): string {
  return `export function long(): void {\n${'  work();\n'.repeat(lines - 2)}}\nfunction work(): void {}\n`;
}

/** What the linter says about a text under the project's own rules; empty when it is content. */
async function lint(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'unstuck-lint-'));
  try {
    await writeFile(join(directory, 'long.ts'), text);
    const rules = join(process.cwd(), '.oxlintrc.json');
    const oxlint = join(process.cwd(), 'node_modules/oxlint/bin/oxlint');
    const args = [oxlint, '-c', rules, '--format', 'unix', 'long.ts'];
    return await promisify(execFile)(process.execPath, args, { cwd: directory }).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}
