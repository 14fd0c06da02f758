// What can be said of TypeScript sources by counting lines: pure.
import type { TextFile } from './checkout.ts';

/** The lines of one file. */
export interface SourceCount {
  readonly path: string;
  readonly lines: number;
  readonly blank: number;
  /** Lines that are nothing but a comment. */
  readonly comments: number;
  readonly exports: number;
}

/** The lines of many files. */
export interface SourceFacts {
  readonly files: number;
  readonly lines: number;
  readonly code: number;
  readonly commentPercent: number;
  readonly exports: number;
  readonly longest: { readonly path: string; readonly lines: number } | null;
  /** By directory, the one with most lines first. */
  readonly directories: readonly { readonly path: string; readonly lines: number }[];
}

/** Counts the lines of a file. A comment between code on its line counts as code. */
export function countSource({ path, text }: TextFile): SourceCount {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  let comments = 0;
  let blank = 0;
  let inside = false;
  for (const line of lines.map((one) => one.trim())) {
    if (line === '') blank += 1;
    else if (inside || line.startsWith('/*') || line.startsWith('//')) comments += 1;
    if (inside) inside = !line.includes('*/');
    else inside = line.startsWith('/*') && !line.includes('*/');
  }
  const exports = lines.filter((line) => /^export\b/.test(line)).length;
  return { path, lines: lines.length, blank, comments, exports };
}

/** Adds up what was counted of each file. */
export function sumSources(counts: readonly SourceCount[]): SourceFacts {
  const sum = (of: (count: SourceCount) => number): number =>
    counts.reduce((total, count) => total + of(count), 0);
  const lines = sum((count) => count.lines);
  const comments = sum((count) => count.comments);
  const longest = counts.toSorted((a, b) => b.lines - a.lines || compare(a.path, b.path))[0];
  return {
    files: counts.length,
    lines,
    code: lines - comments - sum((count) => count.blank),
    commentPercent: lines === 0 ? 0 : Number(((comments / lines) * 100).toFixed(1)),
    exports: sum((count) => count.exports),
    longest: longest === undefined ? null : { path: longest.path, lines: longest.lines },
    directories: sumDirectories(counts),
  };
}

function sumDirectories(counts: readonly SourceCount[]): SourceFacts['directories'] {
  const sums = new Map<string, number>();
  for (const { path, lines } of counts) {
    const directory = path.slice(0, path.lastIndexOf('/')) || '.';
    sums.set(directory, (sums.get(directory) ?? 0) + lines);
  }
  return [...sums]
    .map(([path, lines]) => ({ path, lines }))
    .toSorted((a, b) => b.lines - a.lines || compare(a.path, b.path));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
