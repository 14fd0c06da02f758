/** Hub: the open streams of this process. It looks once for all of them, and not at all when nobody watches. */
import { unstuckError } from '../../domain/errors.ts';
import { Loop } from '../../std/loop.ts';
import { monotonicMs } from '../../std/timer.ts';
import type { Unstuck } from '../../unstuck.ts';
import type { Principal } from '../access/principal.ts';
import { Look } from './look.ts';
import { Ring, type StreamEvent } from './ring.ts';
import { Viewer } from './viewer.ts';

/** What a new viewer asks for. */
export interface Watching {
  readonly principal: Principal;
  /** Canonical ids. */
  readonly jobs: readonly string[];
  /** The id of the last event that it got from an earlier stream. */
  readonly lastEventId: string | undefined;
  /** Whether they may still watch, asked every 5 s. Default: yes, until the stream ends. */
  readonly allowed?: () => Promise<boolean>;
}

const VIEWERS_MAX = 200;
const OF_ONE_MAX = 5;
const LOOK_FIRST_MS = 1_000;
/** A look takes at most a tenth of the time of one connection, however large the installation is. */
const LOOK_SHARE = 10;
const LOOK_LAST_MS = 30_000;
const CARE_MS = 1_000;
const CHECK_MS = 5_000;
const HEARTBEAT_MS = 15_000;
const LIFE_MS = 900_000;
/** Whoever has missed more reads everything anew: that is less. */
const MISSED_BYTES_MAX = 32_768;
const RETRY = 'retry: 2000\n\n';
const HEARTBEAT = ': hb\n\n';

/** All streams of one handler. */
export class Hub {
  #viewers = new Set<Viewer>();
  #ring = new Ring();
  #look: Look;
  #loops: Loop[] = [];
  #looking: Promise<void> | undefined;
  /** The latest overview, for who comes next. */
  #overview: StreamEvent | undefined;
  #closed = false;
  #log: Unstuck['log'];
  #clock: () => number;

  /** `stop`: ends all streams with `bye`. `clock`: monotonic milliseconds; tests move it. */
  constructor(
    unstuck: Pick<Unstuck, 'status' | 'watch' | 'log'>,
    stop?: AbortSignal,
    clock: () => number = monotonicMs,
  ) {
    this.#look = new Look(unstuck);
    this.#log = unstuck.log;
    this.#clock = clock;
    if (stop?.aborted === true) this.close();
    else stop?.addEventListener('abort', () => this.close(), { once: true });
  }

  /** How many streams are open. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /** Opens a stream and returns its body. Throws TOO_MANY_STREAMS, and WORKER_STOPPED while the process stops. */
  open({
    principal,
    jobs,
    lastEventId,
    allowed = async () => true,
  }: Watching): ReadableStream<Uint8Array> {
    this.#admit(principal);
    const now = this.#clock();
    const viewer = new Viewer({
      principal,
      jobs: new Set(jobs),
      endsAt: now + LIFE_MS * (0.8 + Math.random() * 0.4),
      allowed,
      onGone: (gone) => this.#left(gone),
    });
    this.#viewers.add(viewer);
    viewer.write(`${RETRY}${this.#welcome(viewer, lastEventId)}`, now);
    this.#look.forget(jobs);
    if (this.#viewers.size === 1) this.#start();
    else if (jobs.length > 0) this.#loops[0]?.wake();
    return viewer.body;
  }

  /** Ends all streams with `bye`, and opens no more. */
  close(): void {
    this.#closed = true;
    const now = this.#clock();
    for (const viewer of this.#viewers) viewer.end(this.#bye('stopping'), now);
  }

  /** Looks once and tells everybody what is new; concurrent callers share one look. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Keeps quiet streams open through proxies, and ends those whose time is over. */
  care(): void {
    const now = this.#clock();
    for (const viewer of this.#viewers) {
      if (now >= viewer.endsAt) viewer.end(this.#bye('renew'), now);
      else if (now - viewer.writtenAt >= HEARTBEAT_MS) viewer.write(HEARTBEAT, now);
    }
  }

  /** Ends the streams of those who may not watch any more. Throws what the database throws. */
  async check(): Promise<void> {
    for (const viewer of this.#viewers)
      if (!(await viewer.allowed())) viewer.end(this.#bye('renew'), this.#clock());
  }

  async #lookOnce(): Promise<void> {
    const watched = new Set([...this.#viewers].flatMap(({ jobs }) => [...jobs]));
    const news = await this.#look.news(watched, this.#clock());
    for (const { name, data, job } of news) {
      const event = this.#ring.add(name, data, job);
      if (name === 'overview') this.#overview = event;
      const now = this.#clock();
      for (const viewer of this.#viewers)
        if (concerns(event, viewer)) viewer.write(event.text, now);
    }
  }

  /** Who was away gets what was missed, or is told to read everything anew. */
  #welcome(viewer: Viewer, lastEventId: string | undefined): string {
    const now = this.#overview?.text ?? '';
    if (lastEventId === undefined) return now;
    const missed = this.#ring.after(lastEventId)?.filter((event) => concerns(event, viewer));
    const text = missed?.map((event) => event.text).join('');
    if (text === undefined || Buffer.byteLength(text) > MISSED_BYTES_MAX)
      return `${this.#ring.write('reset', {})}${now}`;
    return text;
  }

  #admit(principal: Principal): void {
    if (this.#closed)
      throw unstuckError('WORKER_STOPPED', 'This process is stopping and opens no further stream.');
    if (this.#viewers.size >= VIEWERS_MAX)
      throw tooMany(`Expected at most ${VIEWERS_MAX} open streams of this server.`);
    if (!isOne(principal)) return;
    const own = [...this.#viewers].filter((viewer) => isSame(viewer.principal, principal));
    if (own.length >= OF_ONE_MAX)
      throw tooMany(`Expected at most ${OF_ONE_MAX} open streams of ${principal.name}.`);
  }

  #start(): void {
    const onError = (error: unknown): void => this.#log.warn('stream_look_failed', { error });
    this.#loops = [
      new Loop({ name: 'stream', round: () => this.#round(), onError }),
      new Loop({ name: 'stream-care', round: async () => this.#care(), onError }),
      new Loop({ name: 'stream-access', round: () => this.#check(), onError }),
    ].map((loop) => loop.start());
  }

  #left(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    for (const loop of this.#loops) void loop.stop();
    this.#loops = [];
  }

  async #round(): Promise<number> {
    const began = monotonicMs();
    await this.look();
    const tookMs = monotonicMs() - began;
    return Math.min(LOOK_LAST_MS, Math.max(LOOK_FIRST_MS, tookMs * LOOK_SHARE)) * jitter();
  }

  #care(): number {
    this.care();
    return CARE_MS;
  }

  async #check(): Promise<number> {
    await this.check();
    return CHECK_MS;
  }

  #bye(reason: 'stopping' | 'renew'): string {
    return this.#ring.write('bye', { reason });
  }
}

function concerns({ job }: StreamEvent, viewer: Viewer): boolean {
  return job === undefined || viewer.jobs.has(job);
}

/** Whether this principal is one person or program; whoever holds the token of the environment, or sits at this machine, may be many. */
function isOne({ via }: Principal): boolean {
  return via === 'token' || via === 'session' || via === 'oidc';
}

function isSame(a: Principal, b: Principal): boolean {
  return a.via === b.via && a.name === b.name;
}

function tooMany(message: string): Error {
  return unstuckError('TOO_MANY_STREAMS', `${message} This one was not opened.`);
}

/** From 0.9 to 1.3: servers that were started together do not look together. */
function jitter(): number {
  return 0.9 + Math.random() * 0.4;
}
