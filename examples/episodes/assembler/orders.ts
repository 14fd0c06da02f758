// The orders of the assembler. One is on the disk before anybody is told that it was accepted, so that a crash loses none.
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Where and with what the end of an order is told. */
export interface Callback {
  readonly url: string;
  readonly authorization: string;
}

/** What has been made. */
export interface Assembled {
  /** The last part of the address at which it can be had. */
  readonly file: string;
  readonly samples: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Why nothing was made. */
export interface OrderError {
  readonly code: string;
  readonly message: string;
}

/** A job that was sent here, under the token of the attempt that sent it last. */
export interface Order {
  readonly id: string;
  readonly token: string;
  readonly input: unknown;
  readonly callback: Callback | null;
  readonly state: 'accepted' | 'completed' | 'failed';
  readonly result: Assembled | null;
  readonly error: OrderError | null;
  /** Whether whoever ordered it has heard of its end. */
  readonly told: boolean;
  /** Whether the crash that it rehearses has been. */
  readonly crashed: boolean;
  /** Milliseconds since 1970; null while it is worked on. */
  readonly endedAt: number | null;
}

const KEEP_MS = 24 * 3_600_000;

/** The orders in a directory, one file each. */
export class Orders {
  #directory: string;
  #orders = new Map<string, Order>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads the orders of earlier runs; those that ended more than a day ago and were told are forgotten. */
  static async open(directory: string): Promise<Orders> {
    await mkdir(directory, { recursive: true });
    const orders = new Orders(directory);
    for (const name of (await readdir(directory)).filter((one) => one.endsWith('.json'))) {
      const order = JSON.parse(await readFile(join(directory, name), 'utf8')) as Order;
      if (order.told && (order.endedAt ?? 0) < Date.now() - KEEP_MS)
        await rm(join(directory, name), { force: true });
      else orders.#orders.set(order.id, order);
    }
    return orders;
  }

  get(id: string): Order | undefined {
    return this.#orders.get(id);
  }

  /** Every order that is not over: to be worked on, or to be told. */
  get open(): readonly Order[] {
    return [...this.#orders.values()].filter(({ state, told }) => state === 'accepted' || !told);
  }

  /** Resolves when the order is on the disk, whole or as it was before. */
  async save(order: Order): Promise<void> {
    await writeWhole(join(this.#directory, `${order.id}.json`), JSON.stringify(order));
    this.#orders.set(order.id, order);
  }

  /** Forgets an order that nobody wants any more. */
  async forget(id: string): Promise<void> {
    this.#orders.delete(id);
    await rm(join(this.#directory, `${id}.json`), { force: true });
  }
}

/** Writes a file so that whoever reads it, after a crash too, finds all of it or what was there before. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}.${draftNumber()}.draft`;
  // What lets somebody call back is nobody else's.
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

let drafts = 0;

function draftNumber(): number {
  drafts += 1;
  return drafts;
}
