/** The log of a process that runs: lines on standard error, for people and programs, or JSON for a collector. */
import { type Log, type LogFacts, type LogLevel, lineLog } from '../domain/log.ts';
import { parseLogFormat } from '../domain/log-options.ts';
import { type Config, parseConfig } from '../domain/options.ts';
import { hidePasswords, withoutSecrets } from '../domain/secrets.ts';
import { connectOptions, type Globals } from './session.ts';

/** What the flags say of the log. */
export interface LogFlags extends Globals {
  readonly logFormat?: string;
}

/** Names that a JSON line has already. */
const TAKEN = new Set(['time', 'level', 'event']);

/** Opens the log that flags and environment ask for, of `level` unless they say another. Throws OPTION_INVALID. */
export async function openLog(flags: LogFlags, level: 'info' | 'warn'): Promise<Log> {
  const format = parseLogFormat(flags.logFormat, process.env);
  const { logLevel } = connectOptions(flags, level);
  const least = parseConfig({ logLevel }, process.env).logLevel;
  if (format === 'json') return jsonLog(least);
  return lineLog(least, (line) => process.stderr.write(`${line}\n`));
}

/** How a process says something that is meant for a person: as it is, and as a line of the log where only JSON may stand. */
export function sayer(flags: LogFlags, log: Log): (event: string, text: string) => void {
  if (parseLogFormat(flags.logFormat, process.env) === 'json')
    return (event, text) => log[event === 'notice' ? 'info' : 'warn'](event, { text });
  return (_event, text) => void process.stderr.write(`${text}\n`);
}

/** Written at once, not by a thread: the last lines of a process that dies are the ones that matter. */
async function jsonLog(least: Config['logLevel']): Promise<Log> {
  const { pino } = await import('pino');
  const out = pino(
    {
      level: least,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  const at = (level: LogLevel) => (event: string, facts?: LogFacts) => {
    if (out.isLevelEnabled(level)) out[level]({ event, ...toJson(facts) });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function toJson(facts: LogFacts = {}): LogFacts {
  return Object.fromEntries(
    Object.entries(withoutSecrets(facts)).map(([name, value]) => [
      TAKEN.has(name) ? `${name}_` : name,
      value instanceof Error ? errorJson(value) : value,
    ]),
  );
}

function errorJson(error: Error): Record<string, unknown> {
  const { code, cause } = error as Error & { readonly code?: unknown };
  return {
    type: error.name,
    message: hidePasswords(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: hidePasswords(error.stack) }),
    ...(cause instanceof Error ? { cause: errorJson(cause) } : {}),
  };
}
