// Which file of the project imports which: every way to name another module counts, type-only imports included.
import { posix } from 'node:path';
import { scanSource } from './scan-source.ts';
import type { SourceFiles } from './source-files.ts';

/** For each file the project files that it imports. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** Reads the imports of all files; targets are paths as in the map, whether or not they exist there. */
export function importGraph(files: SourceFiles): ImportGraph {
  return new Map(
    [...files].map(([path, text]) => {
      const relatives = specifiersOf(text).filter((specifier) => /^\.\.?\//.test(specifier));
      const targets = relatives.map((specifier) => targetOf(path, specifier));
      return [path, new Set(targets)];
    }),
  );
}

/** The modules that a file names, as written: `import`, `import type`, `export … from`, `import()`, `require()`, `new URL()`. */
export function specifiersOf(text: string): readonly string[] {
  // Strings become numbered marks and comments disappear, so that the pattern sees code only.
  const strings: string[] = [];
  const code = scanSource(text).map(({ kind, text: piece }) => {
    if (kind === 'code') return piece;
    if (kind !== 'string' && kind !== 'template') return ' ';
    return `§${strings.push(piece) - 1}§`;
  });
  const names = code
    .join('')
    .matchAll(/(?:\bfrom|\bimport|\b(?:import|import\.meta\.resolve|require|URL)\s*\()\s*§(\d+)§/g);
  return [...names].map(([, mark]) => strings[Number(mark)] ?? '');
}

/** One cycle as a path that ends where it begins, for every group of files that import each other. */
export function importCycles(graph: ImportGraph): readonly (readonly string[])[] {
  const finished = new Set<string>();
  const cycles: (readonly string[])[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const again = trail.indexOf(path);
    if (again >= 0) cycles.push([...trail.slice(again), path]);
    if (again >= 0 || finished.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

/** `new Worker(new URL('./lifeline-thread' + ext, …))` names its file without a suffix. */
function targetOf(importer: string, specifier: string): string {
  const path = posix.join(posix.dirname(importer), specifier);
  return /\.\w+$/.test(posix.basename(path)) ? path : `${path}.ts`;
}
