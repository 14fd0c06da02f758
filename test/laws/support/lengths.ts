// How long a file may be.
import type { SourceFiles } from './source-files.ts';

/** Lines after which a file must be divided. */
const LINES_MAX = 400;

/** Nobody reads these from top to bottom; their first line says where they come from. */
const GENERATED = /^\/\*\* .*Written by `npm run docs`/;

/** Lists the files that are too long. */
export function lengthViolations(files: SourceFiles): readonly string[] {
  return [...files]
    .filter(([, text]) => !GENERATED.test(text))
    .map(([path, text]) => ({ path, lines: text.replace(/\n$/, '').split('\n').length }))
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, lines }) => `${path}: ${lines} lines, expected at most ${LINES_MAX}`);
}
