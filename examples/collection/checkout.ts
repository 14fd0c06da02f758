// The files of this checkout: what there is to collect, the same on every machine that has the same commit.
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the checkout lies. */
export const ROOT: string = dirname(fileURLToPath(new URL('../../package.json', import.meta.url)));

const SKIPPED: ReadonlySet<string> = new Set(['node_modules', 'dist', 'coverage']);
const FILES_MAX = 5_000;

/** A text of the checkout. */
export interface TextFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/**
 * Lists the files of a directory whose names end so, in the order of their paths; without hidden and installed ones. Throws when the directory
 * is outside `root`, when there is none, and past 5,000 files.
 */
export async function listFiles(
  root: string,
  directory: string,
  ending: string,
): Promise<string[]> {
  const start = resolve(root, directory);
  if (start !== root && !start.startsWith(root + sep))
    throw new Error(`Expected a directory inside the checkout, got ${directory}.`);
  const found: string[] = [];
  const waiting = [start];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) continue;
      const path = join(next, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else if (entry.isFile() && entry.name.endsWith(ending))
        found.push(relative(root, path).split(sep).join('/'));
    }
    if (found.length > FILES_MAX)
      throw new Error(`Expected at most ${FILES_MAX} files in ${directory}. Name a smaller one.`);
  }
  return found.toSorted();
}

/** Reads a file of a checkout by its path from the root. */
export async function readText(root: string, path: string): Promise<TextFile> {
  return { path, text: await readFile(join(root, path), 'utf8') };
}
