// Rehearses trouble on demand, so that one can watch what the queue makes of it.

import { Fail } from 'unstuck';

/** `transient`: the first attempt fails. `poison`: every attempt takes its whole worker process with it. */
export type Fault = 'transient' | 'poison';

/** The environment variable that must be `1` in a worker's process before it obeys `poison`. */
export const POISON_SWITCH = 'ROUTES_POISON';

/**
 * Makes the trouble that the input asks for, or none. `poison` kills this process with SIGKILL, as the kernel does when
 * memory runs out: no handler runs, nothing is cleaned up. Because anybody who may enqueue could stop a server with
 * that, it is obeyed only where `ROUTES_POISON=1` is set; elsewhere the job fails with the code `POISON_REFUSED`.
 */
export function rehearseFault(fault: Fault | undefined, attempt: number): void {
  if (fault === 'transient' && attempt === 1) {
    throw new Error('The map service did not answer (rehearsed: it will at the next attempt).');
  }
  if (fault === 'poison') {
    if (process.env[POISON_SWITCH] !== '1') {
      throw new Fail(
        `Expected ${POISON_SWITCH}=1 in the environment of a worker that is to die on request, got none. ` +
          'Start a worker of its own with it; see the README of this example.',
        { code: 'POISON_REFUSED' },
      );
    }
    process.kill(process.pid, 'SIGKILL');
  }
}
