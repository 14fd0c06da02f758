// What must hold of the files of dist/: threads and processes are found, and nobody loads a package that he does not need.
import { dirname, join } from 'node:path/posix';
import type { OutputChunk } from 'rolldown';

/** The packages that each entry loads at once. Before adding one, see whether it can be loaded by its first use. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'index.js': ['croner', 'pg', 'standardwebhooks'],
  'http/index.js': ['@hono/node-server', 'croner', 'hono', 'pg', 'standardwebhooks', 'zod'],
  'testing/index.js': ['croner', 'pg', 'standardwebhooks'],
  'cli/main.js': ['commander'],
  'chunks/lifeline-thread.js': ['pg'],
  'chunks/isolate-process.js': ['croner', 'pg', 'standardwebhooks'],
  'chunks/isolate-watch-thread.js': [],
};
/** `new URL(`./lifeline-thread${extension}`, import.meta.url)` in the source. */
const STARTED = /new URL\(`\.\/([\w-]+)\$\{\w+\}`/g;

/** Throws when the code of one file starts another one that is not beside it, or an entry loads other packages than it says here. */
export function checkChunks(chunks: readonly OutputChunk[]): void {
  const files = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  for (const { fileName, code } of chunks)
    for (const [, name] of code.matchAll(STARTED))
      if (!files.has(join(dirname(fileName), `${name}.js`)))
        throw new Error(`Expected ${name}.js beside ${fileName}, which starts it.`);
  for (const { fileName } of chunks.filter(({ isEntry }) => isEntry)) {
    const expected = PACKAGES[fileName] ?? [];
    const found = packagesOf(fileName, files);
    if (found.join() !== expected.join())
      throw new Error(
        `Expected ${fileName} to load ${expected.join(', ')}, got ${found.join(', ')}.`,
      );
  }
}

function packagesOf(fileName: string, files: ReadonlyMap<string, OutputChunk>): string[] {
  const found = new Set([fileName]);
  for (const name of found) for (const next of files.get(name)?.imports ?? []) found.add(next);
  const packages = [...found].filter((name) => !files.has(name) && !name.startsWith('node:'));
  return [...new Set(packages.map(packageOf))].toSorted();
}

function packageOf(specifier: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
}
