// The documents say what the code says: generated pages are up to date, and every dependency has a decision.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { GENERATED_DIRECTORIES, GENERATED_DOCS } from '../../scripts/generated-docs.ts';

const DECISIONS = 'docs/decisions';

for (const { file, render } of GENERATED_DOCS) {
  test(`${file} is what the code says (else: npm run docs)`, async () => {
    expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toBe(await render());
  });
}

test.each(GENERATED_DIRECTORIES)('every file in %s is generated', (directory) => {
  const files = existsSync(directory) ? readdirSync(directory) : [];
  const listed = GENERATED_DOCS.map(({ file }) => file);
  expect(files.filter((file) => !listed.includes(`${directory}/${file}`))).toEqual([]);
});

test('every dependency has a decision that says why', () => {
  const decisions = readdirSync(DECISIONS)
    .map((page) => readFileSync(`${DECISIONS}/${page}`, 'utf8'))
    .join('\n');
  const names = [
    ...Object.keys(packageJson.dependencies),
    ...Object.keys(packageJson.peerDependencies),
    ...Object.keys(packageJson.devDependencies),
  ];
  expect(names.filter((name) => !decisions.includes(`\`${name}\``))).toEqual([]);
});

test('decisions are numbered without gaps', () => {
  const numbers = readdirSync(DECISIONS).map((page) => page.slice(0, 4));
  expect(numbers).toEqual(numbers.map((_, index) => `${String(index + 1).padStart(3, '0')}-`));
});
