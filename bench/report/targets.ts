/** The promises that a check judges: each a ratio or a figure of rows of the same run. */
import { PEERS, POSTGRES_PEERS, type SystemName, type WorkloadName } from '../systems/configs.ts';
import { type Best, best, find, nameOf } from './lookup.ts';
import type { Row } from './summarize.ts';

/** What was measured for a target, and against what. */
export interface Evidence {
  readonly value: number;
  readonly against: string;
}

/** One promise. */
export interface Target {
  readonly name: string;
  readonly limit: number;
  readonly kind: 'at least' | 'at most';
  /** Undefined when the run lacks the rows. */
  measure(rows: readonly Row[]): Evidence | undefined;
}

/** A target with what was measured; missed when it is not met, or was not measured at all. */
export interface Judgement {
  readonly target: Target;
  readonly measured: Evidence | undefined;
  readonly met: boolean;
}

const DRAINED = '1 process';
const FOLLOWS = 0.97;
const PROMPT_MS = 50;

/** Every target. */
export const TARGETS: readonly Target[] = [
  faster('single enqueues from 50 callers', 7, { workload: 'W1a', peers: POSTGRES_PEERS }),
  faster('single enqueues from 50 callers', 0.7, { workload: 'W1a', peers: ['raw'] }),
  faster('bulk enqueues', 1.5, { workload: 'W1b', peers: PEERS }),
  faster('drain, one process', 2, { workload: 'W2', peers: PEERS, variant: DRAINED }),
  faster('drain, one process', 0.6, { workload: 'W2', peers: ['raw'], variant: DRAINED }),
  sooner('idle, enqueue to start, p50', 'p50Ms'),
  sooner('idle, enqueue to start, p99', 'p99Ms'),
  {
    name: 'part of 4,000/s single enqueues that is run in time',
    limit: FOLLOWS,
    kind: 'at least',
    measure: (rows) => {
      const own = best(sustained(rows, ['unstuck'], '4,000/s'), 'donePerSecond', 'highest');
      return own && { value: own.value / 4_000, against: nameOf(own.row) };
    },
  },
  {
    name: 'p99 in ms at 4,000/s single enqueues',
    limit: PROMPT_MS,
    kind: 'at most',
    measure: (rows) => {
      const own = best(sustained(rows, ['unstuck'], '4,000/s'), 'p99Ms', 'lowest');
      return own && { value: own.value, against: nameOf(own.row) };
    },
  },
  {
    name: `PostgreSQL peers that follow 1,000/s at a p99 below ${PROMPT_MS} ms`,
    limit: 0,
    kind: 'at most',
    measure: (rows) => {
      const peers = sustained(rows, POSTGRES_PEERS, '1,000/s');
      const holding = peers.filter(
        (row) => followed(row, 1_000) >= FOLLOWS && (row.figures['p99Ms']?.median ?? 0) < PROMPT_MS,
      );
      if (peers.length === 0) return undefined;
      return { value: holding.length, against: peers.map(nameOf).join(', ') };
    },
  },
  {
    name: 'recovery after kill -9, times faster',
    limit: 20,
    kind: 'at least',
    measure: (rows) => {
      const own = best(
        find(rows, { workload: 'W5', systems: ['unstuck'] }),
        'recoveryMs',
        'lowest',
      );
      const peer = best(find(rows, { workload: 'W5', systems: PEERS }), 'recoveryMs', 'lowest');
      if (own === undefined || peer === undefined) return undefined;
      const bound =
        peer.row.figures['recovered']?.median === 0 ? ', not within the time awaited' : '';
      return { value: peer.value / own.value, against: `${nameOf(peer.row)}${bound}` };
    },
  },
  {
    name: 'drain rate with a held snapshot',
    limit: 0.9,
    kind: 'at least',
    measure: (rows) => {
      const rate = (variant: string): Best | undefined =>
        best(
          find(rows, { workload: 'W6snapshot', systems: ['unstuck'], variant }),
          'jobsPerSecond',
          'highest',
        );
      return ratio(rate('snapshot held'), rate('no snapshot'), 'the rate without one');
    },
  },
  {
    name: 'growth of the claim time from the smallest to the largest backlog',
    limit: 1.5,
    kind: 'at most',
    measure: claimGrowth,
  },
  idle('idle worker, MB of RSS', 75, 'rssMb'),
  idle('idle worker, % of a core', 1, 'nodeCpuPercent'),
  {
    name: 'bytes of WAL per job, enqueue to history',
    limit: 1_300,
    kind: 'at most',
    measure: (rows) => {
      const own = best(
        find(rows, { workload: 'W2', systems: ['unstuck'], variant: DRAINED }),
        'walBytesPerJob',
        'lowest',
      );
      return own && { value: own.value, against: nameOf(own.row) };
    },
  },
];

/** Judges every target. */
export function judge(rows: readonly Row[]): readonly Judgement[] {
  return TARGETS.map((target) => {
    const measured = target.measure(rows);
    const { limit, kind } = target;
    const met =
      measured !== undefined &&
      (kind === 'at least' ? measured.value >= limit : measured.value <= limit);
    return { target, measured, met };
  });
}

/** Returns one line for a judgement, as a check prints it. */
export function judgementLine({ target, measured, met }: Judgement): string {
  const limit = `${target.kind === 'at least' ? '≥' : '≤'} ${target.limit}`;
  if (measured === undefined) return `MISSING  ${limit}  ${target.name}: the run lacks its rows`;
  const value = measured.value >= 100 ? measured.value.toFixed(0) : measured.value.toFixed(2);
  return `${met ? 'ok     ' : 'MISSED '}  ${value} ${limit}  ${target.name} (${measured.against})`;
}

interface Comparison {
  readonly workload: WorkloadName;
  readonly peers: readonly SystemName[];
  readonly variant?: string;
}

function faster(name: string, limit: number, { workload, peers, variant }: Comparison): Target {
  const where = variant === undefined ? { workload } : { workload, variant };
  return {
    name,
    limit,
    kind: 'at least',
    measure: (rows) => {
      const own = best(find(rows, { ...where, systems: ['unstuck'] }), 'jobsPerSecond', 'highest');
      const peer = best(find(rows, { ...where, systems: peers }), 'jobsPerSecond', 'highest');
      return ratio(own, peer, peer === undefined ? '' : `against ${nameOf(peer.row)}`);
    },
  };
}

function sooner(name: string, figure: string): Target {
  return {
    name: `${name}, against the best peer`,
    limit: 1,
    kind: 'at most',
    measure: (rows) => {
      const own = best(find(rows, { workload: 'W3', systems: ['unstuck'] }), figure, 'lowest');
      const peer = best(find(rows, { workload: 'W3', systems: PEERS }), figure, 'lowest');
      return ratio(own, peer, peer === undefined ? '' : nameOf(peer.row));
    },
  };
}

function idle(name: string, limit: number, figure: string): Target {
  return {
    name,
    limit,
    kind: 'at most',
    measure: (rows) => {
      const own = best(find(rows, { workload: 'W7', systems: ['unstuck'] }), figure, 'lowest');
      return own && { value: own.value, against: nameOf(own.row) };
    },
  };
}

function ratio(
  over: Best | undefined,
  under: Best | undefined,
  against: string,
): Evidence | undefined {
  return over && under && { value: over.value / under.value, against };
}

function sustained(
  rows: readonly Row[],
  systems: readonly SystemName[],
  variant: string,
): readonly Row[] {
  return find(rows, { workload: 'W4', systems, variant });
}

function followed(row: Row, perSecond: number): number {
  return (row.figures['donePerSecond']?.median ?? 0) / perSecond;
}

/** The worst growth over the kinds of backlog, each from its smallest to its largest. */
function claimGrowth(rows: readonly Row[]): Evidence | undefined {
  const own = find(rows, { workload: 'W6backlog', systems: ['unstuck'] });
  const kinds = Map.groupBy(own, ({ variant }) => variant.replace(/^[\d,]+ /, ''));
  const grown = [...kinds].flatMap(([kind, group]) => {
    const smallest = best(group, 'backlogJobs', 'lowest')?.row;
    const largest = best(group, 'backlogJobs', 'highest')?.row;
    const from = smallest?.figures['claimMicrosPerJob']?.median;
    const to = largest?.figures['claimMicrosPerJob']?.median;
    if (smallest === largest || from === undefined || to === undefined) return [];
    const size = (largest?.figures['backlogJobs']?.median ?? 0).toLocaleString('en');
    return [{ value: to / from, against: `${size} ${kind}` }];
  });
  return grown.toSorted((a, b) => b.value - a.value)[0];
}
