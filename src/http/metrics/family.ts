/** Family: a metric with all its values, as Prometheus knows it. */
import type { Histogram } from '../../std/histogram.ts';

/** The labels of one value. */
export type Labels = Readonly<Record<string, string | number>>;

/** One value. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Where it differs from that of the family: the parts of a histogram. */
  readonly metricName?: string;
}

/** A metric: its name ends with its unit, and with `_total` when, and only when, it is a counter. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly values: readonly Sample[];
}

/** Makes a gauge; values that are not known (null) are left out. */
export function gauge(
  name: string,
  help: string,
  values: readonly (readonly [Labels, number | null])[],
): Family {
  return { name, help, type: 'gauge', values: known(values) };
}

/** Makes a counter. */
export function counter(
  name: string,
  help: string,
  values: readonly (readonly [Labels, number])[],
): Family {
  return { name, help, type: 'counter', values: known(values) };
}

/** Makes a histogram: cumulative buckets, sum and count. */
export function histogram(
  name: string,
  help: string,
  values: readonly (readonly [Labels, Histogram])[],
): Family {
  return {
    name,
    help,
    type: 'histogram',
    values: values.flatMap(([labels, one]) => partsOf(name, labels, one)),
  };
}

function partsOf(name: string, labels: Labels, { bounds, counts, sum }: Histogram): Sample[] {
  let below = 0;
  const buckets = counts.map((count, place) => {
    below += count;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: bounds[place] ?? '+Inf' },
      value: below,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: below },
  ];
}

function known(values: readonly (readonly [Labels, number | null])[]): Sample[] {
  return values.flatMap(([labels, value]) => (value === null ? [] : [{ labels, value }]));
}
