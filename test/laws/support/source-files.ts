// Reads the project's own source files for the laws, as a map from path to text.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Source texts by path, relative to the project with `/` between the parts. The laws judge such a map, real or made up. */
export type SourceFiles = ReadonlyMap<string, string>;

/** Reads every `.ts` and `.mjs` file below the named directories; a directory that does not exist has none. */
export function readSources(...directories: readonly string[]): SourceFiles {
  const paths = directories.flatMap(pathsBelow).filter((path) => /\.(ts|mjs)$/.test(path));
  return new Map(paths.toSorted().map((path) => [path, readFileSync(path, 'utf8')]));
}

/** Makes such a map of fixture texts. */
export function sourceFiles(texts: Readonly<Record<string, string>>): SourceFiles {
  return new Map(Object.entries(texts));
}

function pathsBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !/[\\/]generated$/.test(entry.parentPath))
    .map((entry) => `${entry.parentPath}/${entry.name}`.replaceAll('\\', '/'));
}
