/** Finds the rows by which systems are compared. */
import type { Sync } from '../servers/postgres.ts';
import type { SystemName, WorkloadName } from '../systems/configs.ts';
import type { Row } from './summarize.ts';

/** Which rows are wanted. */
export interface Wanted {
  readonly workload: WorkloadName;
  readonly systems?: readonly SystemName[];
  readonly sync?: Sync;
  readonly variant?: string;
}

/** The best of some rows by one figure. */
export interface Best {
  readonly row: Row;
  readonly value: number;
}

/** Returns the rows that are wanted; of the durable series when none is named. */
export function find(
  rows: readonly Row[],
  { workload, systems, sync = 'on', variant }: Wanted,
): readonly Row[] {
  return rows.filter(
    (row) =>
      row.workload === workload &&
      row.sync === sync &&
      (systems === undefined || systems.includes(row.system)) &&
      (variant === undefined || row.variant === variant),
  );
}

/** Returns the row whose median is the highest, or the lowest; undefined when none has the figure. */
export function best(
  rows: readonly Row[],
  figure: string,
  wanted: 'highest' | 'lowest',
): Best | undefined {
  const candidates = rows.flatMap((row) => {
    const value = row.figures[figure]?.median;
    return value === undefined ? [] : [{ row, value }];
  });
  const sign = wanted === 'highest' ? 1 : -1;
  return candidates.toSorted((a, b) => sign * (b.value - a.value))[0];
}

/** Returns a row's system and configuration, as the tables name them. */
export function nameOf({ system, config }: Row): string {
  const names: Readonly<Record<SystemName, string>> = {
    unstuck: 'Unstuck',
    raw: 'raw SQL',
    graphile: 'graphile-worker',
    pgboss: 'pg-boss',
    bullmq: 'BullMQ',
  };
  return `${names[system]} ${config}`;
}
