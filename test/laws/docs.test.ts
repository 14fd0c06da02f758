// The documents say what the code says: generated pages are up to date, and every dependency has a decision.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

test('every link of a page leads to a file, and to a heading of it', () => {
  const pages = [...readdirSync('docs'), '../README.md'].filter((name) => name.endsWith('.md'));
  const broken = pages.flatMap((page) =>
    linksOf(readPage(page))
      .filter((link) => !leads(page, link))
      .map((link) => `docs/${page}: ${link}`),
  );
  expect(broken).toEqual([]);
});

/** The links of a page that stay in the repository, without those in examples of code. */
function linksOf(text: string): string[] {
  const links = text.replaceAll(/```.*?```/gs, '').matchAll(/\]\(([^)\s]+)\)/g);
  return [...links].map(([, link = '']) => link).filter((link) => !/^\w+:/.test(link));
}

function leads(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? join('docs', page) : join('docs', dirname(page), path);
  if (!existsSync(target)) return false;
  return heading === undefined || headingsOf(readFileSync(target, 'utf8')).includes(heading);
}

/** As GitHub names them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function readPage(page: string): string {
  return readFileSync(join('docs', page), 'utf8');
}

test('decisions are numbered without gaps', () => {
  const numbers = readdirSync(DECISIONS).map((page) => page.slice(0, 4));
  expect(numbers).toEqual(numbers.map((_, index) => `${String(index + 1).padStart(3, '0')}-`));
});
