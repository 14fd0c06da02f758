// The error catalogue and the code agree: every code in use is in it, and every code in it is in use.
import { expect, test } from 'vitest';
import { ERRORS } from '../../src/domain/errors.ts';
import { scanSource } from './support/scan-source.ts';
import { readSources, type SourceFiles, sourceFiles } from './support/source-files.ts';

const CATALOGUE = ['job', 'system', 'delivery', 'alert'].map(
  (kind) => `src/domain/${kind}-errors.ts`,
);
const SRC: SourceFiles = readSources('src');

test('every code that src throws or stores is in the catalogue', () => {
  const known = Object.keys(ERRORS);
  expect([...usedCodes(SRC)].filter((code) => !known.includes(code))).toEqual([]);
  const files = sourceFiles({
    'src/a.ts':
      "throw unstuckError(\n  'A_THROWN', ''); const b = { code: 'B_STORED' }; sql`'code', 'C_BUILT'`; f('D_NOT')",
  });
  expect([...usedCodes(files)]).toEqual(['A_THROWN', 'B_STORED', 'C_BUILT']);
});

test('every code of the catalogue is thrown or stored somewhere', () => {
  const texts = [...SRC]
    .filter(([path]) => !CATALOGUE.includes(path))
    .flatMap(([, source]) => scanSource(source).filter(({ kind }) => !kind.endsWith('comment')))
    .map(({ text }) => text)
    .join('\n');
  const used = (code: string): boolean => new RegExp(`\\b${code}\\b`).test(texts);
  const unused = Object.keys(ERRORS).filter((code) => !used(code));
  expect(unused).toEqual([]);
});

test('every entry says what it means and what to do, in whole sentences, with a status that fits', () => {
  for (const [code, { meaning, fix, status }] of Object.entries(ERRORS)) {
    expect(meaning, code).toMatch(/^[A-Z`].*\.$/);
    expect(fix, code).toMatch(/^[A-Z`].*\.$/);
    expect(status, code).toBeGreaterThanOrEqual(400);
    expect(status, code).toBeLessThan(600);
  }
});

/** Codes where they are thrown, stored by TypeScript, and stored by SQL. */
function usedCodes(files: SourceFiles): Set<string> {
  const use = /(?:unstuckError\(\s*|\bcode: |'code', )'([A-Z]+(?:_[A-Z]+)+)'/g;
  return new Set(
    [...files].flatMap(([, source]) => [...source.matchAll(use)].map(([, code = '']) => code)),
  );
}
