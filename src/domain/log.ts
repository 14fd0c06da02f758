/** Structured log lines: one event name and its facts, in the form `event=name key=value`. */
import { shown } from '../std/shown.ts';
import { hidePasswords, withoutSecrets } from './secrets.ts';

/** How serious a line is. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Facts of a log line. */
export type LogFacts = Readonly<Record<string, unknown>>;

/** Takes log lines; the default one writes them to standard error. */
export interface Log {
  debug(event: string, facts?: LogFacts): void;
  info(event: string, facts?: LogFacts): void;
  warn(event: string, facts?: LogFacts): void;
  error(event: string, facts?: LogFacts): void;
}

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Makes a log that hands finished lines of at least `level` to `write`. */
export function lineLog(level: LogLevel | 'silent', write: (line: string) => void): Log {
  const least = level === 'silent' ? ORDER.length : ORDER.indexOf(level);
  const at = (own: LogLevel) => (event: string, facts?: LogFacts) => {
    if (ORDER.indexOf(own) >= least) write(formatLine(own, event, facts));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Makes a log that adds the same facts to every line. */
export function withFacts(log: Log, fixed: LogFacts): Log {
  return {
    debug: (event, facts) => log.debug(event, { ...fixed, ...facts }),
    info: (event, facts) => log.info(event, { ...fixed, ...facts }),
    warn: (event, facts) => log.warn(event, { ...fixed, ...facts }),
    error: (event, facts) => log.error(event, { ...fixed, ...facts }),
  };
}

/** Makes a log that never throws: a line on which `log` throws, or rejects, goes to `fallback` with the reason as `log_error`. */
export function sturdyLog(log: Log, fallback: Log): Log {
  const at = (level: LogLevel) => (event: string, facts?: LogFacts) => {
    const failed = (error: unknown): void => fallback[level](event, { ...facts, log_error: error });
    try {
      const written: unknown = log[level](event, facts);
      if (written instanceof Promise) written.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Writes one line: `level=info event=job_failed id=… error="…"`. Facts whose names say that they are secret are written as `[redacted]`. */
export function formatLine(level: LogLevel, event: string, facts: LogFacts = {}): string {
  const parts = [`level=${level}`, `event=${event}`];
  for (const [key, value] of Object.entries(withoutSecrets(facts))) {
    if (value !== undefined) parts.push(`${key}=${formatValue(value)}`);
  }
  return parts.join(' ');
}

function formatValue(value: unknown): string {
  const text =
    value instanceof Error
      ? hidePasswords(value.message)
      : typeof value === 'string'
        ? value
        : asJson(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

/** Facts come from handlers too: a circular object or a bigint must not fail the attempt that logs it. */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? shown(value);
  } catch {
    return shown(value);
  }
}
