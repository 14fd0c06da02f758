/** `unstuck pool set`, `delete` and `repair`: changes pools. */
import { EXIT } from './exit-codes.ts';
import { showPool, showProblems } from './pool-look.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';

/** How many slots. */
export interface PoolSetOptions extends Globals {
  readonly capacity: number;
}

/** Sets how many slots a pool has, and makes it when it is missing. */
export async function poolSet(options: PoolSetOptions, key: string): Promise<number> {
  const screen = openScreen(options.output);
  const { capacity } = options;
  showPool(screen, await withUnstuck(options, (unstuck) => unstuck.pools.set(key, { capacity })));
  return EXIT.ok;
}

/** Deletes a pool: exit code 3 when there is none, 5 when live jobs name it. */
export async function poolDelete(options: Globals, key: string): Promise<number> {
  const screen = openScreen(options.output);
  await withUnstuck(options, (unstuck) => unstuck.pools.delete(key));
  if (screen.json) screen.value({ key, deleted: true });
  else if (screen.tty) screen.line(`Pool ${key} is deleted.`);
  else screen.line(`${key}\tdeleted`);
  return EXIT.ok;
}

/** Repairs what a hand has broken. A pool with more holders than capacity needs nothing: it drains. */
export async function poolRepair(options: Globals): Promise<number> {
  const screen = openScreen(options.output);
  const problems = await withUnstuck(options, (unstuck) => unstuck.pools.repair());
  showProblems(screen, problems, 'There was nothing to repair.');
  return EXIT.ok;
}
