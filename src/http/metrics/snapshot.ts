/** Snapshot: what the database says of the whole installation, read at most every 5 s however many scrape. */
import type { Bridge } from '../../domain/bridge.ts';
import type { Status } from '../../engine/status.ts';
import type { LimitStatus } from '../../features/limits.ts';
import type { Pool } from '../../features/pools.ts';
import type { Queue } from '../../features/queues.ts';
import type { Target } from '../../features/targets.ts';
import { monotonicMs } from '../../std/timer.ts';
import type { Unstuck } from '../../unstuck.ts';

/** A schedule, as far as it is measured. */
type MeasuredSchedule = Awaited<ReturnType<Unstuck['schedules']['list']>>[number];

/** The installation at one moment. */
export interface Snapshot {
  readonly status: Status;
  readonly queues: readonly Queue[];
  /** At most 1,000. */
  readonly pools: readonly Pool[];
  readonly limits: readonly LimitStatus[];
  readonly schedules: readonly MeasuredSchedule[];
  readonly targets: readonly Target[];
  readonly bridges: readonly Bridge[];
}

/** What a snapshot is read from. */
export type Measured = Pick<
  Unstuck,
  'status' | 'queues' | 'pools' | 'limits' | 'schedules' | 'targets' | 'redis'
>;

const FRESH_MS = 5_000;
/** Reading takes at most a tenth of the time, however large the installation is. */
const READ_SHARE = 10;
const ROWS_MAX = 1_000;

/** Reads snapshots, and keeps the latest for as long as it is fresh. */
export class Snapshots {
  #measured: Measured;
  #reading: Promise<Snapshot> | undefined;
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(measured: Measured) {
    this.#measured = measured;
  }

  /** Returns the fresh snapshot, or reads one; concurrent callers share it. Throws what the database throws, and then asks again the next time. */
  latest(): Promise<Snapshot> {
    if (this.#reading !== undefined && monotonicMs() < this.#freshUntil) return this.#reading;
    this.#freshUntil = Number.POSITIVE_INFINITY;
    const began = monotonicMs();
    this.#reading = this.#read().then(
      (snapshot) => {
        const tookMs = monotonicMs() - began;
        this.#freshUntil = monotonicMs() + Math.max(FRESH_MS, tookMs * READ_SHARE);
        return snapshot;
      },
      (error: unknown) => {
        this.#reading = undefined;
        throw error;
      },
    );
    return this.#reading;
  }

  /** One after the other: a scrape leaves connections for others. */
  async #read(): Promise<Snapshot> {
    const { queues, pools, limits, schedules, targets, redis } = this.#measured;
    return {
      status: await this.#measured.status(),
      queues: await queues.list(),
      pools: await pools.list({ limit: ROWS_MAX }),
      limits: await limits.list(),
      schedules: await schedules.list({ limit: ROWS_MAX }),
      targets: await targets.list({ limit: ROWS_MAX }),
      bridges: await redis.list({ limit: ROWS_MAX }),
    };
  }
}
