// Writes docs/generated/ anew: `npm run docs`. The law test/laws/docs.test.ts fails while it differs.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { GENERATED_DOCS } from './generated-docs.ts';

const DIRECTORY = 'docs/generated';

const pages = await Promise.all(
  GENERATED_DOCS.map(async ({ file, render }) => ({ file, text: await render() })),
);
await rm(DIRECTORY, { recursive: true, force: true });
await mkdir(DIRECTORY, { recursive: true });
for (const { file, text } of pages) await writeFile(`${DIRECTORY}/${file}`, text);
console.log(`${DIRECTORY}: ${pages.length} pages`);
