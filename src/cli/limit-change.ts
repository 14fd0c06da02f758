/** `unstuck limit set` and `delete`: changes limits, in the name of whoever runs the command. */
import { unstuckError } from '../domain/errors.ts';
import { snakeJson } from '../domain/json.ts';
import type { LimitAmounts } from '../domain/limits.ts';
import { EXIT } from './exit-codes.ts';
import { showLimit } from './limit-look.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { whoAmI } from './who.ts';

/** How much is allowed. */
export interface LimitSetOptions extends Globals {
  readonly running?: number;
  readonly rate?: string;
}

/** Sets both amounts of a limit; one that is not given is not limited. */
export async function limitSet(options: LimitSetOptions, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const { running, rate } = options;
  const amounts: LimitAmounts = {
    ...(running === undefined ? {} : { running }),
    ...(rate === undefined ? {} : { rate: toRate(rate) }),
  };
  const limit = await withUnstuck(options, (unstuck) =>
    unstuck.limits.set(name, amounts, { by: whoAmI() }),
  );
  if (screen.json) screen.value(snakeJson(limit));
  else showLimit(screen, limit);
  return EXIT.ok;
}

/** Deletes a limit: exit code 3 when there is none, 2 while live jobs count at it. */
export async function limitDelete(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  await withUnstuck(options, (unstuck) => unstuck.limits.delete(name));
  if (screen.json) screen.value({ name, deleted: true });
  else if (screen.tty) screen.line(`Limit ${name} is deleted.`);
  else screen.line(`${name}\tdeleted`);
  return EXIT.ok;
}

/** The duration itself is checked with the amounts. */
function toRate(text: string): NonNullable<LimitAmounts['rate']> {
  const [, count, per] = /^(\d{1,9})\/(.+)$/.exec(text) ?? [];
  if (count !== undefined && per !== undefined) return { count: Number(count), per };
  throw unstuckError(
    'LIMIT_INVALID',
    `Expected --rate to be a count and a duration such as 10/1m, got ${JSON.stringify(text)}.`,
  );
}
