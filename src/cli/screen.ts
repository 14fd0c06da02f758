/** Screen: where a command writes, and what the reader there can see: colours, widths, ages. Data goes to stdout, all else to stderr. */
import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { formatDuration } from '../std/duration.ts';
import { type Cell, type Column, drawTable, type Paint } from './table.ts';

/** The output of one command. */
export interface Screen {
  /** Whether a person reads standard output. */
  readonly tty: boolean;
  /** Whether JSON was asked for. */
  readonly json: boolean;
  line(text?: string): void;
  /** For hints and progress: standard error. */
  hint(text: string): void;
  paint(text: string, paint: Paint): string;
  table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void;
  /** Writes a value as JSON, indented for a person, on one line for a program. */
  value(value: unknown): void;
  /** An instant: its age for a person, RFC 3339 for a program, `-` for none. */
  time(at: Date | null, now: Date): string;
}

/** Makes the screen of this process. */
export function openScreen(format: 'table' | 'json'): Screen {
  const { stdout, stderr, env } = process;
  const tty = isatty(1);
  const colours = usesColours(tty, env);
  const paint = (text: string, how: Paint): string =>
    colours ? styleText(how, text, { validateStream: false }) : text;
  const line = (text = ''): void => void stdout.write(`${text}\n`);
  return {
    tty,
    json: format === 'json',
    line,
    hint: (text) => void stderr.write(`${text}\n`),
    paint,
    table: (columns, rows) => {
      for (const text of drawTable(columns, rows, { tty, width: widthOf(), paint })) line(text);
    },
    value: (value) => line(JSON.stringify(value, undefined, tty ? 2 : undefined)),
    time: (at, now) => (tty ? relative(at, now) : (at?.toISOString() ?? '-')),
  };
}

/** NO_COLOR and TERM=dumb switch colours off, FORCE_COLOR switches them on, else only a terminal has them. */
function usesColours(tty: boolean, env: NodeJS.ProcessEnv): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  if ((env['FORCE_COLOR'] ?? '') !== '') return env['FORCE_COLOR'] !== '0';
  return tty && env['TERM'] !== 'dumb';
}

function widthOf(): number {
  const asked = Number(process.env['COLUMNS']);
  return Math.max(40, asked > 0 ? asked : (process.stdout.columns ?? 100));
}

function relative(at: Date | null, now: Date): string {
  if (at === null) return '-';
  const ms = now.getTime() - at.getTime();
  return ms >= 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(ms)}`;
}
