/** `unstuck audit list`: who did what to many jobs, and why; newest first. */
import { snakeJson } from '../domain/json.ts';
import type { AuditEntry } from '../storage/audit.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import type { Column } from './table.ts';

/** Which page. */
export interface AuditListOptions extends Globals {
  readonly limit?: number;
  readonly after?: string;
}

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'AT' },
  { title: 'BY' },
  { title: 'ACTION' },
  { title: 'JOBS', right: true },
  { title: 'REASON', cut: true },
];

/** Runs the command. */
export async function auditList(options: AuditListOptions): Promise<number> {
  const screen = openScreen(options.output);
  const { limit, after } = options;
  const { entries, next } = await withUnstuck(options, (unstuck) =>
    unstuck.audit.list({ limit, after }),
  );
  const now = new Date();
  if (screen.json) screen.value({ entries: entries.map(entryJson), next });
  else if (screen.tty && entries.length === 0) screen.line('Nothing was done to many jobs yet.');
  else
    screen.table(
      COLUMNS,
      entries.map((entry) => [
        entry.id,
        screen.time(entry.at, now),
        entry.by ?? '-',
        entry.action,
        countOf(entry),
        entry.reason ?? '',
      ]),
    );
  if (next !== null && !screen.json) screen.hint(`… more: --after ${next}`);
  return EXIT.ok;
}

/** The detail may hold an input, whose names are the user's own. */
function entryJson({ detail, ...entry }: AuditEntry): Record<string, unknown> {
  return { ...(snakeJson(entry) as object), detail };
}

function countOf({ detail }: AuditEntry): string {
  const { done, resetCount } = (detail ?? {}) as { done?: number; resetCount?: number };
  return String(done ?? resetCount ?? '-');
}
