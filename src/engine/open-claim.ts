/** Open claim: what one statement took, counted until its worker has seen the end of all of it. */

/** One claim. Told of each of its jobs once, and only when the database has said that its worker does not hold it any more. */
export class OpenClaim {
  readonly id: string;
  #jobs: number;
  #over: string[];

  /** Its id is put into `over` with the last of its `jobs`. */
  constructor(id: string, jobs: number, over: string[]) {
    this.id = id;
    this.#jobs = jobs;
    this.#over = over;
  }

  /** The end of one of its jobs was accepted, or refused. */
  ended(): void {
    this.#jobs -= 1;
    if (this.#jobs === 0) this.#over.push(this.id);
  }
}
