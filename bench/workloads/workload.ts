/** What a workload is given and what it answers. */
import type { Client } from 'pg';
import type { Metrics } from '../core/results.ts';
import type { Measured } from '../process/measured.ts';
import type { Sync } from '../servers/postgres.ts';
import type { Config, WorkloadName } from '../systems/configs.ts';

/** The fresh server of one cell: a database of the one PostgreSQL, or a Redis. */
export interface Server {
  readonly url: string;
  /** A connection to the cell's database; undefined for Redis. */
  readonly client: Client | undefined;
  /** CPU milliseconds of all its processes so far; undefined where there is no /proc. */
  cpuMs(): number | undefined;
  /** Bytes of write-ahead log so far; undefined for Redis. */
  walBytes(): Promise<number | undefined>;
}

/** How large the rows are: as in the study, a tenth of it, or as short as a check of the targets allows. */
export type Scale = 'full' | 'quick' | 'check';

/** One cell to measure. */
export interface Context {
  readonly config: Config;
  readonly server: Server;
  readonly scale: Scale;
  readonly variant: Variant;
  readonly sync: Sync;
  /** Forks a process of this system, with its modules loaded. */
  fork(): Promise<Measured>;
}

/** One row of a workload: its name in the tables, and what differs. */
export interface Variant {
  readonly name: string;
  /** What the value counts, where a workload has several kinds of rows. */
  readonly kind?: string;
  readonly value: number;
}

/** What one cell found; a cell may find several rows, such as before and after fresh statistics. */
export interface Finding {
  readonly variant: string;
  readonly metrics: Metrics;
}

/** One workload. */
export interface Workload {
  readonly name: WorkloadName;
  readonly title: string;
  /** What a row means, for the tables. */
  readonly about: string;
  /** The series in which it runs. */
  readonly syncs: readonly Sync[];
  /** Long rows run less often than asked for. */
  readonly roundsMax: Readonly<Record<Scale, number>>;
  variants(scale: Scale): readonly Variant[];
  /** Its cells only wait: those of all systems run at the same time. */
  readonly together?: true;
  /** Rows that say nothing for a configuration. */
  skips?(config: Config, variant: Variant, scale: Scale): boolean;
  run(context: Context): Promise<readonly Finding[]>;
}

/** The job type of all rows that need only one. */
export const TYPES: readonly string[] = ['bench'];

/** Returns the metrics that are known: without those that this machine or server cannot tell. */
export function known(metrics: Readonly<Record<string, number | undefined>>): Metrics {
  return Object.fromEntries(
    Object.entries(metrics).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}

/** Returns the difference of two readings, undefined when one is missing. */
export function grown(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

/** Returns a total per job in microseconds. */
export function microsPerJob(ms: number | undefined, jobs: number): number | undefined {
  return ms === undefined ? undefined : (ms * 1_000) / jobs;
}
