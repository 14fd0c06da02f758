// docs/generated/errors.md: the error catalogue.
import { ERRORS } from '../../src/domain/errors.ts';
import { heading, table } from './markdown.ts';

/** Renders the page. */
export function renderErrors(): string {
  const rows = Object.entries(ERRORS)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { meaning, fix, status }]) => [`\`${code}\``, meaning, fix, `${status}`]);
  return `${heading('Errors', '`src/domain/job-errors.ts` and `src/domain/system-errors.ts`')}
Every error that Unstuck throws is an \`UnstuckError\` with one of these codes as \`error.code\`; those that are stored stand on the
job as \`job.error.code\`. A handler's own error keeps its own \`code\`, if that is a text. Codes are stable; messages are not.

${table(['code', 'meaning', 'what to do', 'HTTP status'], rows)}`;
}
