// Follows the orders, one after the other, and tells how they end. What a crash interrupts is followed again.
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { joinTracks } from './joining.ts';
import { type Assembled, type Order, Orders, writeWhole } from './orders.ts';
import { parseRecipe, RecipeError, type Segment, SegmentError, samplesOf } from './segments.ts';
import { tellEnd, tellProgress } from './telling.ts';
import { encodeWav, SAMPLE_RATE } from './wav.ts';

/** What was sent, as far as it makes an order. */
export type Sent = Pick<Order, 'id' | 'token' | 'input' | 'callback'>;

type End = Pick<Order, 'state' | 'result' | 'error'>;

/** How far an order is. */
export interface Progress {
  readonly progress: number;
  readonly note: string;
}

const SLOW_MS = 330;

/** The orders of this machine and the files that they become. */
export class Workshop {
  readonly #orders: Orders;
  readonly #segments: string;
  readonly #files: string;
  readonly #stop = new AbortController();
  readonly #progress = new Map<string, Progress>();
  /** Those that wait for their turn, in the order in which they came. */
  #waiting: string[] = [];
  #busy = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(orders: Orders, segments: string, files: string) {
    this.#orders = orders;
    this.#segments = segments;
    this.#files = files;
  }

  /** Opens the workshop in a directory, and goes on with what an earlier run has left. */
  static async open(directory: string): Promise<Workshop> {
    const [segments, files] = [join(directory, 'segments'), join(directory, 'episodes')];
    await Promise.all([segments, files].map((path) => mkdir(path, { recursive: true })));
    const workshop = new Workshop(await Orders.open(join(directory, 'orders')), segments, files);
    for (const order of workshop.#orders.open) workshop.#goOn(order);
    return workshop;
  }

  /** Where the files lie. */
  get files(): string {
    return this.#files;
  }

  get(id: string): Order | undefined {
    return this.#orders.get(id);
  }

  progressOf(id: string): Progress {
    return this.#progress.get(id) ?? { progress: 0, note: 'waiting for its turn' };
  }

  /**
   * Takes an order. The same one again is the same order; a later attempt takes it over, with whatever has been made of it; an earlier one gets nothing.
   * Resolves when the order is on the disk; undefined for an earlier attempt. Throws RecipeError.
   */
  take(sent: Sent): Promise<Order | undefined> {
    return this.#inTurn(() => this.#take(sent));
  }

  /** Begins nothing more; what is left is on the disk. */
  close(): void {
    this.#stop.abort();
  }

  async #take(sent: Sent): Promise<Order | undefined> {
    const known = this.#orders.get(sent.id);
    if (known !== undefined && BigInt(sent.token) < BigInt(known.token)) return undefined;
    if (known?.token === sent.token) return known;
    parseRecipe(sent.input);
    const fresh = { result: null, error: null, told: false, crashed: false, endedAt: null };
    const order: Order =
      known?.state === 'completed'
        ? { ...known, ...sent, told: false }
        : { ...fresh, ...sent, state: 'accepted', crashed: known?.crashed ?? false };
    await this.#orders.save(order);
    // What a completed one became is in the answer already.
    if (known?.state === undefined || known.state === 'failed') this.#goOn(order);
    return order;
  }

  /** One change after the other: a later attempt may take an order over in the very moment in which it ends. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#turn.then(change);
    this.#turn = changed.catch(() => undefined);
    return changed;
  }

  #goOn(order: Order): void {
    if (order.state !== 'accepted') return void this.#tell(order);
    this.#waiting.push(order.id);
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let id = this.#next(); id !== undefined; id = this.#next()) {
      const end = await this.#follow(id);
      this.#progress.delete(id);
      if (!this.#stop.signal.aborted) await this.#inTurn(() => this.#end(id, end));
    }
    this.#busy = false;
  }

  #next(): string | undefined {
    return this.#stop.signal.aborted ? undefined : this.#waiting.shift();
  }

  async #end(id: string, end: End | undefined): Promise<void> {
    if (end === undefined) return this.#orders.forget(id);
    const order = { ...(this.#orders.get(id) as Order), ...end, endedAt: Date.now() };
    await this.#orders.save(order);
    void this.#tell(order);
  }

  async #tell(order: Order): Promise<void> {
    if (!(await tellEnd(order, this.#stop.signal))) return;
    await this.#inTurn(async () => {
      const now = this.#orders.get(order.id);
      if (now?.token === order.token) await this.#orders.save({ ...now, told: true });
    });
  }

  /** Makes the file of an order; undefined when nobody wants it any more. */
  async #follow(id: string): Promise<End | undefined> {
    try {
      const { segments, join: how, rehearse } = parseRecipe(this.#orders.get(id)?.input);
      const tracks: Float32Array[] = [];
      for (const segment of segments) {
        if (!(await this.#goesOn(id, tracks.length / (segments.length + 1), segment))) return;
        tracks.push(await samplesOf(segment, this.#segments));
        if (rehearse === 'slow') await wait(SLOW_MS, undefined, { signal: this.#stop.signal });
        if (rehearse === 'crash') await this.#crash(id);
      }
      const result = await this.#write(id, joinTracks(tracks, how));
      return { state: 'completed', result, error: null };
    } catch (error) {
      return { state: 'failed', result: null, error: errorOf(error) };
    }
  }

  async #goesOn(id: string, progress: number, { kind }: Segment): Promise<boolean> {
    // Whoever asks how it stands is answered between two segments.
    await nextTurn();
    const note = `the next segment: ${kind}`;
    this.#progress.set(id, { progress, note });
    const order = this.#orders.get(id);
    return order !== undefined && tellProgress(order, progress, note);
  }

  /** Takes the process down, once for each order. Only where somebody starts it again. */
  async #crash(id: string): Promise<void> {
    if (process.env['ASSEMBLER_CRASHES'] !== '1')
      throw new RecipeError('Expected ASSEMBLER_CRASHES=1 where a crash is rehearsed.');
    const order = this.#orders.get(id);
    if (order === undefined || order.crashed) return;
    await this.#inTurn(() => this.#orders.save({ ...order, crashed: true }));
    process.kill(process.pid, 'SIGKILL');
  }

  async #write(id: string, samples: Float32Array): Promise<Assembled> {
    const content = encodeWav(samples);
    const file = `${id}.wav`;
    await writeWhole(join(this.#files, file), content);
    return {
      file,
      samples: samples.length,
      seconds: samples.length / SAMPLE_RATE,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    };
  }
}

function errorOf(error: unknown): { code: string; message: string } {
  const { message } = error as Error;
  if (error instanceof SegmentError) return { code: 'SEGMENT_MISSING', message };
  if (error instanceof RecipeError) return { code: 'RECIPE_INVALID', message };
  return { code: 'ASSEMBLY_FAILED', message };
}
