// Writes the generated files anew: `npm run docs`. The law test/laws/docs.test.ts fails while one differs.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { GENERATED_DIRECTORIES, GENERATED_DOCS } from './generated-docs.ts';

const files = await Promise.all(
  GENERATED_DOCS.map(async ({ file, render }) => ({ file, text: await render() })),
);
for (const directory of GENERATED_DIRECTORIES) {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
}
for (const { file, text } of files) await writeFile(file, text);
console.log(`${GENERATED_DIRECTORIES.join(', ')}: ${files.length} files`);
