/** Histogram: how often values of which size came, as plain numbers: adding one costs a few comparisons. */

/** Counts values by upper bounds. */
export class Histogram {
  readonly bounds: readonly number[];
  /** How many values were at most this bound and above the one before; the last count is of those above every bound. */
  readonly counts: number[];
  sum = 0;

  /** `bounds` in ascending order. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** Counts a value; what is no number, or negative because clocks differ, counts as 0. */
  add(value: number): void {
    const counted = value > 0 ? value : 0;
    let place = 0;
    while (place < this.bounds.length && counted > (this.bounds[place] as number)) place += 1;
    (this.counts[place] as number) += 1;
    this.sum += counted;
  }
}
