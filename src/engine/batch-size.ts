/** Batch size: how many rows a task of the sweep takes at once; it follows what the database can do in time. */

/** The batch size of one task: halved by a batch that took too long, doubled up to its maximum by one that did not. */
export class BatchSize {
  #max: number;
  #size: number;

  constructor(max: number) {
    this.#max = max;
    this.#size = max;
  }

  /** Rows of the next batch, at least 1. */
  get size(): number {
    return this.#size;
  }

  /** A batch took too long. */
  halve(): void {
    this.#size = Math.max(1, Math.floor(this.#size / 2));
  }

  /** A batch was in time. */
  grow(): void {
    this.#size = Math.min(this.#max, 2 * this.#size);
  }
}
