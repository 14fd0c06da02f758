/** All of: several steps of one round, of which one that fails keeps no other from being done. */
import { isConnectionLost } from '../storage/postgres-errors.ts';

/** Does one step after another; throws an AggregateError of what failed, after the last, or at once when the connection is lost. */
export async function allOf(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    await step().catch((error: unknown) => failures.push(error));
    if (failures.some(isConnectionLost)) break;
  }
  if (failures.length > 0)
    throw new AggregateError(failures, (failures[0] as Error).message, { cause: failures[0] });
}
