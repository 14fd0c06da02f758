/** Packages that only some users need: loaded when they are used. */
import type { Sent } from '../../domain/delivery.ts';
import { nodeCode } from '../../std/http-failure.ts';

/**
 * Loads a package; when it cannot be loaded, says so as what became of the message. It is tried again, as somebody may install it, or another process have it. What
 * Node says of it is not told: it names places of this machine, and whoever asked for a job reads what became of telling it.
 */
export async function loadPackage<T extends object>(
  name: string,
  load: () => Promise<T>,
): Promise<T | Extract<Sent, { kind: 'failed' }>> {
  try {
    return await load();
  } catch (error) {
    return {
      kind: 'failed',
      again: true,
      code: 'PACKAGE_MISSING',
      message: `The package ${name} could not be loaded (${nodeCode(error) ?? 'it threw'}). Install it: npm install ${name}, and start this process again.`,
    };
  }
}
