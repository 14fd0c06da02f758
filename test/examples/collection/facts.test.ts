// The laws of what is collected: lines, words, links and licences are counted as a person would.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countDocument, sumDocuments } from '../../../examples/collection/documents.ts';
import { readLock } from '../../../examples/collection/packages.ts';
import { countSource, sumSources } from '../../../examples/collection/sources.ts';

const source = (text: string, path = 'src/a.ts') => countSource({ path, text });
const document = (text: string, known: readonly string[] = []) =>
  countDocument({ path: 'docs/a.md', text }, (path) => known.includes(path));

describe('sources', () => {
  test('code, comments and blank lines are told apart', () => {
    const text =
      '/** One.\n * Two.\n */\nexport const a = 1; // code\n\n// three\n/* four */\nb();\n';
    expect(source(text)).toEqual({ path: 'src/a.ts', lines: 8, blank: 1, comments: 5, exports: 1 });
    expect(source('')).toMatchObject({ lines: 0 });
  });

  test('the sums are those of the files, whatever they hold', () => {
    const line = fc.constantFrom('', 'code();', '// why', '/* a', '*/', ' * b', 'export {};');
    const text = fc.array(line, { minLength: 1, maxLength: 20 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 10 }), (texts) => {
        const counts = texts.map((one, n) => source(one, `src/${n % 3}/${n}.ts`));
        const facts = sumSources(counts);
        const lines = counts.reduce((sum, count) => sum + count.lines, 0);
        expect(facts).toMatchObject({ files: texts.length, lines });
        expect(facts.code).toBeGreaterThanOrEqual(0);
        expect(facts.directories.reduce((sum, directory) => sum + directory.lines, 0)).toBe(lines);
        expect(facts.longest?.lines ?? 0).toBe(Math.max(0, ...counts.map((count) => count.lines)));
      }),
    );
  });

  test('of no files there is nothing, and no division by it', () => {
    expect(sumSources([])).toMatchObject({ lines: 0, commentPercent: 0, longest: null });
  });
});

describe('documents', () => {
  test('a link to a file that is not there is named with its line; others are left alone', () => {
    const text =
      '# One\n\n[there](b.md) [gone](c.md#part) [up](../README.md) [web](https://x.y) [here](#one)\n\n[root](/x)';
    expect(document(text, ['docs/b.md', 'README.md'])).toMatchObject({
      headings: 1,
      links: 6,
      broken: [{ path: 'docs/a.md', line: 3, target: 'c.md#part' }],
    });
  });

  test('what stands in code is neither word nor heading nor link', () => {
    const text = 'two words `not [a](b.md)`\n```md\n# no heading\n[x](y.md)\n```\n\nthird';
    expect(document(text)).toMatchObject({ words: 3, headings: 0, links: 0, broken: [] });
  });

  test('the sums name the longest and every broken link', () => {
    const counts = [document('one'), document('two words [x](y.md)')];
    expect(sumDocuments(counts)).toMatchObject({ documents: 2, words: 4, links: 1 });
    expect(sumDocuments(counts).broken).toHaveLength(1);
    expect(sumDocuments([]).longest).toBeNull();
  });
});

describe('packages', () => {
  test('licences, platforms and repeated names are counted; the root is no package', () => {
    const packages = {
      '': { license: 'MIT' },
      'node_modules/a': { version: '1.0.0', license: 'MIT' },
      'node_modules/b': { version: '1.0.0', license: 'ISC', dev: true, os: ['linux'] },
      'node_modules/b/node_modules/a': { version: '2.0.0', license: 'MIT', dev: true },
      'node_modules/@s/c': { version: '1.0.0' },
    };
    expect(readLock(JSON.stringify({ packages }))).toEqual({
      packages: 4,
      production: 2,
      platformOnly: 1,
      licences: [
        { licence: 'MIT', count: 2 },
        { licence: 'ISC', count: 1 },
        { licence: 'unknown', count: 1 },
      ],
      repeated: [{ name: 'a', versions: ['1.0.0', '2.0.0'] }],
    });
  });

  test('what is no lock file is refused', () => {
    expect(() => readLock('{}')).toThrow('Expected a lock file');
    expect(() => readLock('none')).toThrow(SyntaxError);
  });
});
