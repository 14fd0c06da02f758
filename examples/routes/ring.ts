// A closed tour as a ring in which any stretch can be turned round.

/** Keeps the order of the stops and where each one stands; stops are the numbers 0 … count − 1, each once. */
export class Ring {
  readonly #order: Uint32Array;
  readonly #position: Uint32Array;

  constructor(order: readonly number[]) {
    this.#order = Uint32Array.from(order);
    this.#position = new Uint32Array(order.length);
    for (const [position, stop] of order.entries()) {
      this.#position[stop] = position;
    }
  }

  /** Returns the stop after this one; after the last comes the first. */
  next(stop: number): number {
    return this.#stopAt(this.#positionOf(stop) + 1);
  }

  /** Returns the stop before this one; before the first comes the last. */
  previous(stop: number): number {
    return this.#stopAt(this.#positionOf(stop) - 1 + this.#order.length);
  }

  /**
   * Turns the stretch from one stop forward to another round and returns how many stops it moved.
   * Where the rest of the ring is shorter it turns that instead: as a closed tour the two are the same.
   */
  reverse(from: number, to: number): number {
    const count = this.#order.length;
    const start = this.#positionOf(from);
    const end = this.#positionOf(to);
    const length = ((end - start + count) % count) + 1;
    if (length * 2 <= count) {
      return this.#turn(start, end, length);
    }
    return this.#turn(end + 1, start - 1 + count, count - length);
  }

  /** Lists the tour, beginning with the given stop. */
  startingAt(stop: number): number[] {
    const position = this.#positionOf(stop);
    return [...this.#order.subarray(position), ...this.#order.subarray(0, position)];
  }

  #turn(start: number, end: number, length: number): number {
    const count = this.#order.length;
    for (let i = 0; i < Math.floor(length / 2); i += 1) {
      this.#exchange((start + i) % count, (end - i + count) % count);
    }
    return length;
  }

  #exchange(left: number, right: number): void {
    const moved = this.#stopAt(left);
    this.#place(this.#stopAt(right), left);
    this.#place(moved, right);
  }

  #place(stop: number, position: number): void {
    this.#order[position] = stop;
    this.#position[stop] = position;
  }

  #stopAt(position: number): number {
    return present(this.#order[position % this.#order.length]);
  }

  #positionOf(stop: number): number {
    return present(this.#position[stop]);
  }
}

function present(value: number | undefined): number {
  if (value === undefined) {
    throw new RangeError('Expected a stop of this tour, got one that is not on it.');
  }
  return value;
}
