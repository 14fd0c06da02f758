/** Turns cells into rows: the median, the least and the most of every figure over the rounds. */
import type { Cell } from '../core/results.ts';
import { median } from '../core/statistics.ts';
import type { Sync } from '../servers/postgres.ts';
import type { SystemName, WorkloadName } from '../systems/configs.ts';

/** One figure over the rounds. */
export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** One row of a table. */
export interface Row {
  readonly workload: WorkloadName;
  readonly variant: string;
  readonly system: SystemName;
  readonly config: string;
  readonly sync: Sync;
  readonly history: boolean;
  readonly handlers: string;
  readonly rounds: number;
  readonly figures: Readonly<Record<string, Figure>>;
}

/** Returns one row for each workload, variant, system, configuration and series, in the order of the cells. */
export function summarize(cells: readonly Cell[]): readonly Row[] {
  const groups = Map.groupBy(cells, ({ workload, variant, system, config, sync }) =>
    [workload, variant, system, config, sync].join('|'),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { kind: _kind, round: _round, metrics: _metrics, ...same } = first;
    return [{ ...same, rounds: group.length, figures: figuresOf(group) }];
  });
}

function figuresOf(group: readonly Cell[]): Record<string, Figure> {
  const names = new Set(group.flatMap(({ metrics }) => Object.keys(metrics)));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = group.flatMap(({ metrics }) => metrics[name] ?? []);
      const figure = {
        median: median(values),
        least: Math.min(...values),
        most: Math.max(...values),
      };
      return [name, figure];
    }),
  );
}
