/** Packages that only some users need: loaded when they are used. */
import type { Sent } from '../../domain/delivery.ts';

/** Loads a package; when it is not installed, says so as what became of the message. */
export async function loadPackage<T extends object>(
  name: string,
  load: () => Promise<T>,
): Promise<T | Extract<Sent, { kind: 'failed' }>> {
  try {
    return await load();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      kind: 'failed',
      again: false,
      code: 'PACKAGE_MISSING',
      message: `The package ${name} could not be loaded. Install it, and start this process again: npm install ${name} (${reason.slice(0, 200)}).`,
    };
  }
}
