/** Queues: several job types that are paused, counted and limited together. */
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { refuseUnknown } from './known-options.ts';
import { type Limit, type LimitOptions, parseLimit } from './limits.ts';
import { isName, NAME_WORDS } from './names.ts';

/** What `defineQueue` takes. */
export interface QueueOptions {
  /** 1 to 200 letters, digits and `. _ : / -`. */
  readonly name: string;
  /** Shared by all types of the queue: `{ running: 1 }` runs one of its jobs at a time, across all processes. */
  readonly limit?: LimitOptions;
}

/** A queue that job types can belong to. */
export interface QueueDefinition {
  readonly kind: 'unstuck-queue';
  readonly name: string;
  readonly limit: Limit | undefined;
}

/** Defines a queue. Only needed for a limit: a type can name its queue by a text. Throws OPTION_INVALID, OPTION_UNKNOWN or LIMIT_INVALID. */
export function defineQueue(options: QueueOptions): QueueDefinition {
  const { name, limit } = options;
  checkQueue(name, 'a queue');
  refuseUnknown(options, ['name', 'limit'], `queue ${name}`);
  const kind = 'unstuck-queue' as const;
  return Object.freeze({ kind, name, limit: parseLimit(limit, `queue:${name}`, `queue ${name}`) });
}

/** Returns the queue of a type as a definition. Throws OPTION_INVALID. */
export function toQueue(given: QueueDefinition | string, where: string): QueueDefinition {
  if (typeof given === 'object' && given?.kind === 'unstuck-queue') return given;
  checkQueue(given, where);
  return { kind: 'unstuck-queue', name: given as string, limit: undefined };
}

function checkQueue(name: unknown, where: string): void {
  if (isName(name)) return;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected the name of the queue of ${where} to be ${NAME_WORDS}, got ${shown(name)}.`,
  );
}
