/** Committer: many callers, few commits. Collects items and flushes them together; each caller waits for its own outcome. */

/** One item that waits for its flush, which settles it. */
export interface Waiting<Item, Outcome> {
  readonly item: Item;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

const FLUSH_MAX = 1_000;
const FLUSH_CHARS_MAX = 1_000_000;

/**
 * Group commit: a flush starts on the next turn of the event loop when fewer than `inFlightMax` are on their way, else when one returns.
 * No timer: an idle caller waits for nothing. Measured with 100 callers: 58k/s at 1.6 ms, against 2.6k/s at 41 ms one by one. Callers that come
 * together share one flush: shared out among two they cost twice the processor time, and were a fifth slower (50 callers, two processors).
 */
export class Committer<Item extends { readonly size: number }, Outcome> {
  #flush: (batch: Waiting<Item, Outcome>[]) => Promise<void>;
  #inFlightMax: number;
  #waiting: Waiting<Item, Outcome>[] = [];
  #inFlight = new Set<Promise<void>>();
  #scheduled = false;

  constructor(inFlightMax: number, flush: (batch: Waiting<Item, Outcome>[]) => Promise<void>) {
    this.#inFlightMax = inFlightMax;
    this.#flush = flush;
  }

  /** Adds an item; resolves or rejects when its flush has settled it. */
  add(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  /** Adds many items; resolves when each has been settled, in their order. One promise for all: a promise for each cost as much as the rest. */
  addAll(items: readonly Item[]): Promise<PromiseSettledResult<Outcome>[]> {
    if (items.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const group = new Group<Outcome>(items.length, resolve);
      for (const [index, item] of items.entries())
        this.#waiting.push(new GroupMember(item, index, group));
      this.#schedule();
    });
  }

  /** Resolves when everything that was added has been settled. */
  async drain(): Promise<void> {
    while (this.#waiting.length > 0 || this.#inFlight.size > 0) {
      if (this.#inFlight.size > 0) await Promise.race(this.#inFlight);
      else await new Promise(setImmediate);
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0 || this.#inFlight.size >= this.#inFlightMax)
      return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#start();
    });
  }

  #start(): void {
    const batch = this.#take();
    if (batch.length === 0) return;
    const flush = this.#flush(batch)
      .catch((error: unknown) => {
        for (const waiting of batch) waiting.reject(error);
      })
      .finally(() => {
        this.#inFlight.delete(flush);
        this.#schedule();
      });
    this.#inFlight.add(flush);
    this.#schedule();
  }

  #take(): Waiting<Item, Outcome>[] {
    let count = 0;
    let chars = 0;
    for (const waiting of this.#waiting) {
      if (count >= FLUSH_MAX || (count > 0 && chars + waiting.item.size > FLUSH_CHARS_MAX)) break;
      count += 1;
      chars += waiting.item.size;
    }
    return this.#waiting.splice(0, count);
  }
}

/** The outcomes of items that were added together. */
class Group<Outcome> {
  #settled: PromiseSettledResult<Outcome>[] = [];
  #open: number;
  #resolve: (settled: PromiseSettledResult<Outcome>[]) => void;

  constructor(size: number, resolve: (settled: PromiseSettledResult<Outcome>[]) => void) {
    this.#open = size;
    this.#resolve = resolve;
  }

  /** The first outcome stays: a flush may fail after it has told of some. */
  settle(index: number, outcome: PromiseSettledResult<Outcome>): void {
    if (this.#settled[index] !== undefined) return;
    this.#settled[index] = outcome;
    this.#open -= 1;
    if (this.#open === 0) this.#resolve(this.#settled);
  }
}

/** One of them: a class, because two functions for each item cost more than the item. */
class GroupMember<Item, Outcome> implements Waiting<Item, Outcome> {
  readonly item: Item;
  #index: number;
  #group: Group<Outcome>;

  constructor(item: Item, index: number, group: Group<Outcome>) {
    this.item = item;
    this.#index = index;
    this.#group = group;
  }

  resolve(value: Outcome): void {
    this.#group.settle(this.#index, { status: 'fulfilled', value });
  }

  reject(reason: unknown): void {
    this.#group.settle(this.#index, { status: 'rejected', reason });
  }
}
