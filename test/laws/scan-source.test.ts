// The scanner under the laws: whatever it takes for code, a law believes.
import { expect, test } from 'vitest';
import { scanSource } from './support/scan-source.ts';
import { readSources } from './support/source-files.ts';

function pieces(source: string): readonly string[] {
  return scanSource(source)
    .filter(({ text }) => text.trim() !== '')
    .map(({ kind, text }) => `${kind}: ${text.trim()}`);
}

test('comments, strings and code are told apart', () => {
  expect(pieces(`const a = 'it''s'; // "no" 'string'\n/* \`no\` */ b`)).toEqual([
    'code: const a =',
    'string: it',
    'string: s',
    'code: ;',
    `line-comment: "no" 'string'`,
    'block-comment: `no`',
    'code: b',
  ]);
});

test('a quote in a regular expression, after an escape or in a class, opens no string', () => {
  expect(pieces(`return /['"]\\/'/.test(a) / 'b'.length`)).toEqual([
    'code: return',
    `regexp: /['"]\\/'/`,
    'code: .test(a) /',
    'string: b',
    'code: .length',
  ]);
});

test('code inside a template is code, braces and templates nested in it too', () => {
  expect(pieces('`a ${f({ b: `c ${d}` })} e`; g')).toEqual([
    'template: a',
    'code: f({ b:',
    'template: c',
    'code: d',
    'code: })',
    'template: e',
    'code: ; g',
  ]);
});

test('a piece knows its line', () => {
  const found = scanSource("a\n/*\n*/ 'b'\n`c\n${d}` // e").map(({ text, line }) => [text, line]);
  expect(found).toContainEqual(['b', 3]);
  expect(found).toContainEqual(['d', 5]);
  expect(found).toContainEqual([' e', 5]);
});

test('every file of the project is scanned to its end, and nothing of it is lost', () => {
  for (const [path, text] of readSources('src', 'test', 'scripts', 'examples')) {
    const lines = scanSource(text).reduce(
      (sum, piece) => sum + piece.text.split('\n').length - 1,
      0,
    );
    // Only the newline that ends a line comment is code; every newline is in some piece.
    expect([path, lines]).toEqual([path, text.split('\n').length - 1]);
  }
});
