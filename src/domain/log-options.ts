/** The options of the log of a command: in which form its lines are written. */
import { type Option, parseOption } from './parse-option.ts';

/** The table of options of the log; `logLevel` is one of the connection. */
export const LOG_OPTIONS = {
  logFormat: {
    kind: 'choice',
    default: 'kv',
    choices: ['kv', 'json'],
    about:
      'How `unstuck start`, `serve` and `work` write log lines: `event=name key=value`, or JSON.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
LOG_OPTIONS satisfies Record<string, Option>;

/** How log lines are written. */
export type LogFormat = (typeof LOG_OPTIONS.logFormat.choices)[number];

/** Parses the format over the environment over the default. Throws OPTION_INVALID. */
export function parseLogFormat(
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): LogFormat {
  return parseOption('logFormat', LOG_OPTIONS.logFormat, given, environment) as LogFormat;
}
