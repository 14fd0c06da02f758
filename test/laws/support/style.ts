// The rules of STYLE.md that can be seen in a text, one function each; every one lists what breaks it.
import { type Piece, scanSource } from './scan-source.ts';
import type { SourceFiles } from './source-files.ts';

const NAMES_BANNED = /^(?:utils?|common|helpers?|managers?|data|info|misc|stuff)$/;

/** Files and directories whose name says nothing, and names that are not kebab-case. */
export function nameViolations(paths: Iterable<string>): readonly string[] {
  return [...paths].flatMap((path) => {
    const names = path
      .split('/')
      .map((part) => part.replace(/(?:\.test|\.test-d|\.d)?\.(?:ts|mjs)$/, ''));
    const empty = names.flatMap((name) => name.split('-')).find((word) => NAMES_BANNED.test(word));
    const odd = names.find((name) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name));
    if (empty !== undefined) return [`${path}: \`${empty}\` does not say what is in it`];
    return odd === undefined ? [] : [`${path}: \`${odd}\` is not kebab-case`];
  });
}

/** Comments that postpone work without naming the issue that keeps it: `TODO(#12)`. */
export function postponements(files: SourceFiles): readonly string[] {
  const words = /\b(?:TODO|FIXME|XXX|HACK)\b(?!\s*\(?#\d)/;
  return findings(files, isComment, words, (found) => `${found} without an issue number`);
}

/** Tests that are left out or alone: `.skip`, `.only`, `.todo`; a condition (`skipIf`, `runIf`) is allowed. */
export function unrunTests(files: SourceFiles): readonly string[] {
  const calls = /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|only|todo)\b/;
  return findings(files, isCode, calls, (found) => `${found} keeps tests from running`);
}

/** Files that do not begin with a comment saying what they are for. */
export function unexplainedFiles(files: SourceFiles): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const first = scanSource(text).find(
      ({ kind, text: piece, line }) =>
        piece.trim() !== '' && !(kind === 'line-comment' && line === 1 && text.startsWith('#!')),
    );
    return first !== undefined && isComment(first) ? [] : [`${path}: no purpose sentence on top`];
  });
}

/** A docstring at the end of a text, with or without remarks to the linter below it. */
const DOCSTRING = /\*\/\s*(?:\/\/[^\n]*\s*)*$/;

const EXPORT =
  /^export (?:declare |abstract |async )*(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;

/** Exports without a docstring right above them; of an overloaded function the first one counts. */
export function undocumentedExports(files: SourceFiles): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const seen = new Set<string>();
    return [...text.matchAll(EXPORT)].flatMap(({ 1: name = '', index }) => {
      const documented = seen.has(name) || DOCSTRING.test(text.slice(0, index));
      seen.add(name);
      return documented ? [] : [`${path}: ${name} has no docstring`];
    });
  });
}

const SQL = new RegExp(
  [
    /select\s+(?:[\d*$'(]|[\w.]+\(|distinct\b|[^;]*\sfrom\s)/,
    /insert\s+into\s/,
    /update\s+(?:only\s+)?[\w."]*\s+(?:as\s+)?(?:\w+\s+)?set\b/,
    /delete\s+from\b/,
    /with\s+(?:recursive\s+)?\w+\s*(?:\([^)]*\)\s*)?as\s*(?:(?:not\s+)?materialized\s*)?\(/,
    /(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:table|index|unique|schema|function|type|view|trigger|database|role)\b/,
    /truncate\s+table\b/,
    /set\s+(?:local|session)\s/,
    // The text before the first value of a template, such as `update ${job} set …`.
    /(?:select|insert\s+into|update|delete\s+from|alter\s+table)\s+$/,
  ]
    .map(({ source }) => `^\\s*(?:--[^\\n]*\\s+|/\\*[^]*?\\*/\\s*)*${source}`)
    .join('|'),
  'i',
);

/** SQL text that may stand outside src/sql: path, and why. */
export type SqlPassages = Readonly<Record<string, string>>;

/** Strings and templates of src that are SQL but not in src/sql, and passages that are no longer needed. */
export function strayStatements(files: SourceFiles, passages: SqlPassages = {}): readonly string[] {
  const outside = new Map([...files].filter(([path]) => !path.startsWith('src/sql/')));
  const stray = findings(outside, isText, SQL, () => 'SQL belongs in src/sql');
  const allowed = Object.keys(passages);
  const unused = allowed.filter((path) => !stray.some((found) => found.startsWith(`${path}:`)));
  return [
    ...stray.filter((found) => !allowed.some((path) => found.startsWith(`${path}:`))),
    ...unused.map((path) => `${path}: has no SQL any more, take it off the list`),
  ];
}

/** What src/domain and src/sql may not do, as they are pure: read a clock, roll dice, wait, or touch the outside. */
export function impurities(files: SourceFiles): readonly string[] {
  const pure = new Map([...files].filter(([path]) => /^src\/(?:domain|sql)\//.test(path)));
  return findings(pure, isCode, IMPURE, (found) => `${found}: let the caller pass it in`);
}

const IMPURE =
  /\b(?:Date\.now|Math\.random|performance\.now|set(?:Timeout|Interval|Immediate)|fetch|process\.\w+|console\.\w+)\b|\bnew Date\(\)/;

/** Every piece of the wanted kind in which the pattern is found, once each, as `file:line: why`. */
function findings(
  files: SourceFiles,
  wanted: (piece: Piece) => boolean,
  pattern: RegExp,
  why: (found: string) => string,
): readonly string[] {
  return [...files].flatMap(([path, source]) =>
    scanSource(source)
      .filter(wanted)
      .flatMap(({ text, line }) => {
        const match = pattern.exec(text);
        if (match === null) return [];
        const at = line + text.slice(0, match.index).split('\n').length - 1;
        return [`${path}:${at}: ${why(match[0])}`];
      }),
  );
}

function isComment({ kind }: Piece): boolean {
  return kind === 'line-comment' || kind === 'block-comment';
}

function isCode({ kind }: Piece): boolean {
  return kind === 'code';
}

function isText({ kind }: Piece): boolean {
  return kind === 'string' || kind === 'template';
}
