/** Claim commit: whether the claims of a worker wait for the disk. */
import { claimDurably, claimJobs } from '../sql/claim.ts';
import { monotonicMs } from '../std/timer.ts';

const CAREFUL_MS = 10 * 60_000;

/**
 * A worker's claims do not wait for the disk, unless in the last ten minutes one has failed or an attempt was not its own any more: then a job may have
 * brought the server down, and that it was tried must be on disk, or it would be tried for ever without being charged.
 */
export class ClaimCommit {
  #carefulUntil = Number.NEGATIVE_INFINITY;

  /** A claim has failed, or one seems to have been forgotten. */
  doubt(): void {
    this.#carefulUntil = monotonicMs() + CAREFUL_MS;
  }

  /** The statement to claim with now. */
  get statement(): typeof claimJobs {
    return monotonicMs() < this.#carefulUntil ? claimDurably : claimJobs;
  }
}
