/** Slots: which pool a job takes its slot from. */
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { isName, NAME_WORDS } from './names.ts';

/** What an enqueue does when every slot of the pool is in use: `refuse` throws SLOTS_EXHAUSTED, `wait` stores the job, which waits for one. */
export type WhenFull = 'refuse' | 'wait';

/** The pool of a job: its key, or a function of the input that returns it. */
export type SlotOption<Input = never> = string | ((input: Input) => string);

/** Returns the pool that a definition asks a slot of for this input. Throws POOL_INVALID when it gives none: that would leak a job past its quota (S0.6). */
export function poolOf(slot: SlotOption, input: unknown, where: string): string {
  return checkPool(typeof slot === 'string' ? slot : ask(slot, input, where), where);
}

/** Returns a pool's key. Throws POOL_INVALID. */
export function checkPool(key: unknown, where: string): string {
  if (isName(key)) return key;
  throw unstuckError(
    'POOL_INVALID',
    `Expected the pool of ${where} to be ${NAME_WORDS}, got ${shown(key)}. Nothing was stored.`,
  );
}

/** Checks what to do when the pool is full; default `refuse`. Throws POOL_INVALID. */
export function checkWhenFull(value: unknown, where: string): WhenFull {
  if (value === undefined || value === 'refuse' || value === 'wait') return value ?? 'refuse';
  throw unstuckError(
    'POOL_INVALID',
    `Expected whenFull of ${where} to be 'refuse' or 'wait', got ${shown(value)}.`,
  );
}

function ask(slot: (input: never) => unknown, input: unknown, where: string): unknown {
  try {
    return slot(input as never);
  } catch (cause) {
    throw unstuckError(
      'POOL_INVALID',
      `The function that names the pool of ${where} threw: ${String(cause)}. Nothing was stored.`,
      { cause },
    );
  }
}
