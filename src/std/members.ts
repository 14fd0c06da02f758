/** Members: a set for many that come and go soon, which leaves nothing behind for the garbage collector. */

/** What can be a member, of one such set at a time. */
export interface Member {
  /** Where it stands; -1 when it is no member. */
  place: number;
}

/**
 * A set whose members know where they stand, in no order. A Set of V8 makes its table anew whenever as many have gone as stay, and each old table refers to the
 * next one: once one of them is among the old objects, every member since then is kept until the next full collection (all of 75,000 jobs a second were).
 */
export class Members<Item extends Member> {
  #items: Item[] = [];

  /** How many there are. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds one that is no member. */
  add(item: Item): void {
    item.place = this.#items.push(item) - 1;
  }

  /** Takes one out; nothing happens when it is no member. */
  delete(item: Item): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop() as Item;
    if (last === item) return;
    this.#items[place] = last;
    last.place = place;
  }

  /** Those that are members now, whatever becomes of them while the caller looks. */
  all(): Item[] {
    return this.#items.slice();
  }

  /** The first for which this holds; looks at each. */
  find(holds: (item: Item) => boolean): Item | undefined {
    return this.#items.find(holds);
  }
}
