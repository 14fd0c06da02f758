// What can be said of Markdown documents: how long they are, and which of their links lead nowhere. Pure but for asking whether a file exists.
import { posix } from 'node:path';
import type { TextFile } from './checkout.ts';

/** A link to a file that is not there. */
export interface BrokenLink {
  readonly path: string;
  readonly line: number;
  readonly target: string;
}

/** One document. */
export interface DocumentCount {
  readonly path: string;
  readonly words: number;
  readonly headings: number;
  readonly links: number;
  readonly broken: readonly BrokenLink[];
}

/** Many documents. */
export interface DocumentFacts {
  readonly documents: number;
  readonly words: number;
  readonly headings: number;
  readonly links: number;
  readonly longest: string | null;
  readonly broken: readonly BrokenLink[];
}

const LINK = /\[([^\]]*)\]\(([^()\s]+)\)/g;
const ELSEWHERE = /^(?:[a-z]+:|#|\/)/i;

/** Counts words, headings and links of a document; `exists` tells whether the checkout has a path. What stands in code is left out. */
export function countDocument(
  { path, text }: TextFile,
  exists: (path: string) => boolean,
): DocumentCount {
  const lines = withoutCode(text.split('\n'));
  const links = lines.flatMap((line, index) =>
    [...line.matchAll(LINK)].map(([, , target = '']) => ({ path, line: index + 1, target })),
  );
  return {
    path,
    words: countWords(lines.join(' ').replaceAll(LINK, '$1')),
    headings: lines.filter((line) => /^#{1,6} /.test(line)).length,
    links: links.length,
    broken: links.filter(({ target }) => !ELSEWHERE.test(target) && !exists(fileOf(path, target))),
  };
}

/** Adds up what was counted of each document. */
export function sumDocuments(counts: readonly DocumentCount[]): DocumentFacts {
  const sum = (of: (count: DocumentCount) => number): number =>
    counts.reduce((total, count) => total + of(count), 0);
  return {
    documents: counts.length,
    words: sum(({ words }) => words),
    headings: sum(({ headings }) => headings),
    links: sum(({ links }) => links),
    longest: counts.toSorted((a, b) => b.words - a.words)[0]?.path ?? null,
    broken: counts.flatMap(({ broken }) => broken),
  };
}

function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu)?.length ?? 0;
}

/** Lines in fences, and code within lines, become blank, so that the numbers of the lines stay. */
function withoutCode(lines: readonly string[]): string[] {
  let inside = false;
  return lines.map((line) => {
    const fence = /^\s*(?:```|~~~)/.test(line);
    if (fence) inside = !inside;
    return fence || inside ? '' : line.replaceAll(/`[^`]*`/g, ' ');
  });
}

function fileOf(path: string, target: string): string {
  return posix.normalize(posix.join(posix.dirname(path), target.replace(/[?#].*$/, '')));
}
