/** The options of a worker: how much it takes on at once, and what people see it as. */
import type { TargetDefinition } from './define-target.ts';
import { type Option, parseOption } from './parse-option.ts';

/** The table of options of `work`, `unstuck work` and `unstuck start` that have an environment variable. */
export const WORK_OPTIONS = {
  concurrency: {
    kind: 'number',
    default: 10,
    min: 1,
    max: 10_000,
    unit: 'handlers',
    about: 'Handlers at once in this process.',
  },
  name: {
    kind: 'text',
    default: '',
    pattern: '^[^\\x00-\\x1f]{0,200}$',
    variable: 'UNSTUCK_WORKER_NAME',
    about: 'What people see the worker as; without one, host name and process id.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
WORK_OPTIONS satisfies Record<string, Option>;

/** How a worker in this process runs. */
export interface WorkOptions {
  /** Handlers at once, from 1 to 10,000. Default: UNSTUCK_CONCURRENCY, then 10. */
  readonly concurrency?: number;
  /** What people see it as, at most 200 characters. Default: UNSTUCK_WORKER_NAME, then host name and process id. */
  readonly name?: string;
  /** Called once when it carries `ghostsMax` handlers that never returned: the process should be replaced. */
  readonly onReplace?: () => void;
  /** The remote workers that its types name. */
  readonly targets?: readonly TargetDefinition[];
}

/** The parsed form. */
export interface WorkConfig {
  readonly concurrency: number;
  readonly name: string | undefined;
}

/** Parses options over environment over defaults. Throws OPTION_INVALID, naming the option or the variable. */
export function parseWorkOptions(
  given: WorkOptions,
  environment: Readonly<Record<string, string | undefined>>,
): WorkConfig {
  const { concurrency, name } = WORK_OPTIONS;
  const named = parseOption('name', name, given.name, environment) as string;
  return {
    concurrency: parseOption('concurrency', concurrency, given.concurrency, environment) as number,
    name: named === '' ? undefined : named,
  };
}
