/** The file that initdb and the server write to. */
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';

const ROTATE_BYTES = 10_000_000;
const TAIL_BYTES = 4_000;
const TAIL_LINES = 6;

/** Opens the log for a server to append to, the old one set aside when it has grown past 10 MB; the caller closes it. */
export function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > ROTATE_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

/** The last lines of the log, at most 4 KB, from byte `from` on; empty when there is no log. */
export function logTail(file: string, from = 0): string {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return '';
  const log = openSync(file, 'r');
  try {
    const { size } = fstatSync(log);
    const bytes = Buffer.alloc(Math.min(TAIL_BYTES, Math.max(0, size - from)));
    readSync(log, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('utf8').trim().split('\n').slice(-TAIL_LINES).join('\n');
  } finally {
    closeSync(log);
  }
}
