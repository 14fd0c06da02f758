/** The one table of what is measured: each system's documented best, its other documented modes, and its defaults. */

import type { BullSettings } from './bullmq.ts';
import type { GraphileSettings } from './graphile.ts';
import type { BossSettings } from './pg-boss.ts';
import type { RawSettings } from './raw.ts';
import type { UnstuckSettings } from './unstuck.ts';

/** The names of the systems, in the order of the tables. */
export type SystemName = 'unstuck' | 'raw' | 'graphile' | 'pgboss' | 'bullmq';

/** The workloads of the study (W1 to W7) and the growth rows (G). */
export type WorkloadName =
  | 'W1a'
  | 'W1b'
  | 'W2'
  | 'W3'
  | 'W4'
  | 'W5'
  | 'W6backlog'
  | 'W6snapshot'
  | 'W7'
  | 'G';

interface ConfigBase {
  readonly name: string;
  /** Whether finished jobs stay readable. */
  readonly history: boolean;
  /** Whether each job has a handler call, retry and outcome of its own. */
  readonly handlers: 'per job' | 'per batch';
  readonly rows: readonly WorkloadName[];
  /** The rows of a check: those by which a target is judged. */
  readonly check: readonly WorkloadName[];
  /** Jobs of a drain at full scale; about two to four seconds of work. */
  readonly drainJobs: number;
}

/** One measured configuration. */
export type Config = ConfigBase &
  (
    | { readonly system: 'unstuck'; readonly settings: UnstuckSettings }
    | { readonly system: 'raw'; readonly settings: RawSettings }
    | { readonly system: 'graphile'; readonly settings: GraphileSettings }
    | { readonly system: 'pgboss'; readonly settings: BossSettings }
    | { readonly system: 'bullmq'; readonly settings: BullSettings }
  );

/** The systems on PostgreSQL that are neither Unstuck nor the floor. */
export const POSTGRES_PEERS: readonly SystemName[] = ['graphile', 'pgboss'];

/** All systems that Unstuck is compared with. */
export const PEERS: readonly SystemName[] = [...POSTGRES_PEERS, 'bullmq'];

const BOTH: Pick<ConfigBase, 'history' | 'handlers'> = { history: true, handlers: 'per job' };

/** Every configuration. */
export const CONFIGS: readonly Config[] = [
  {
    ...BOTH,
    system: 'unstuck',
    name: 'best',
    rows: ['W1a', 'W1b', 'W2', 'W4', 'W6backlog', 'W6snapshot', 'G'],
    check: ['W1a', 'W1b', 'W2', 'W4', 'W6backlog', 'W6snapshot'],
    drainJobs: 200_000,
    settings: { concurrency: 500 },
  },
  {
    ...BOTH,
    system: 'unstuck',
    name: 'default',
    rows: ['W2', 'W3', 'W4', 'W5', 'W7', 'G'],
    check: ['W3', 'W5', 'W7'],
    drainJobs: 200_000,
    settings: {},
  },
  {
    ...BOTH,
    system: 'raw',
    name: 'b500',
    history: false,
    rows: ['W1a', 'W1b', 'W2', 'W3', 'W4', 'W6backlog', 'W6snapshot', 'W7'],
    check: ['W1a', 'W2'],
    drainJobs: 200_000,
    settings: { batch: 500, loops: 2, cursor: false },
  },
  {
    ...BOTH,
    system: 'raw',
    name: 'k500',
    history: false,
    rows: ['W6snapshot'],
    check: [],
    drainJobs: 200_000,
    settings: { batch: 500, loops: 2, cursor: true },
  },
  {
    ...BOTH,
    system: 'graphile',
    name: 'batch',
    history: false,
    rows: ['W1a', 'W1b', 'W2', 'W3', 'W4', 'W6backlog', 'W6snapshot', 'W7'],
    check: ['W1a', 'W1b', 'W2', 'W4'],
    drainJobs: 200_000,
    settings: { concurrency: 24, pool: 25, localQueue: 500 },
  },
  {
    ...BOTH,
    system: 'graphile',
    name: 'plain',
    history: false,
    rows: ['W2', 'W3', 'W4'],
    check: [],
    drainJobs: 6_000,
    settings: { concurrency: 24, pool: 25 },
  },
  {
    ...BOTH,
    system: 'graphile',
    name: 'default',
    history: false,
    rows: ['W2', 'W3', 'W5'],
    check: ['W3', 'W5'],
    drainJobs: 2_000,
    settings: {},
  },
  {
    ...BOTH,
    system: 'pgboss',
    name: 'batch',
    handlers: 'per batch',
    rows: ['W1a', 'W1b', 'W2', 'W6backlog', 'W6snapshot', 'W7'],
    check: ['W1a', 'W1b', 'W2'],
    drainJobs: 200_000,
    settings: { batch: 1_000, concurrency: 2, burst: 'full batch', pollSeconds: 0.5 },
  },
  {
    ...BOTH,
    system: 'pgboss',
    name: 'perJobResults',
    rows: ['W2'],
    check: [],
    drainJobs: 200_000,
    settings: {
      batch: 1_000,
      concurrency: 2,
      burst: 'full batch',
      pollSeconds: 0.5,
      perJobResults: true,
    },
  },
  {
    ...BOTH,
    system: 'pgboss',
    name: 'fetch1000',
    handlers: 'per batch',
    rows: ['W2'],
    check: [],
    drainJobs: 200_000,
    settings: { fetch: 1_000, concurrency: 2 },
  },
  {
    ...BOTH,
    system: 'pgboss',
    name: 'plain',
    rows: ['W2'],
    check: [],
    drainJobs: 1_000,
    settings: { batch: 1, concurrency: 24, burst: 'backlog', pollSeconds: 0.5 },
  },
  {
    ...BOTH,
    system: 'pgboss',
    name: 'batch100',
    handlers: 'per batch',
    rows: ['W4'],
    check: ['W4'],
    drainJobs: 40_000,
    settings: { batch: 100, concurrency: 4, burst: 'full batch', pollSeconds: 0.5 },
  },
  {
    ...BOTH,
    system: 'pgboss',
    name: 'notify',
    handlers: 'per batch',
    rows: ['W3', 'W4'],
    check: [],
    drainJobs: 40_000,
    settings: { batch: 100, concurrency: 4, burst: 'full batch', pollSeconds: 0.5, notify: true },
  },
  {
    ...BOTH,
    system: 'pgboss',
    name: 'default',
    rows: ['W2', 'W5'],
    check: ['W5'],
    drainJobs: 5,
    settings: {},
  },
  {
    ...BOTH,
    system: 'bullmq',
    name: 'c100',
    history: false,
    rows: ['W1a', 'W1b', 'W2', 'W3', 'W4', 'W6backlog', 'W7'],
    check: ['W1b', 'W2'],
    drainJobs: 25_000,
    settings: { concurrency: 100, removeOnComplete: true },
  },
  {
    ...BOTH,
    system: 'bullmq',
    name: 'default',
    rows: ['W2', 'W3', 'W5'],
    check: ['W3', 'W5'],
    drainJobs: 4_000,
    settings: {},
  },
];

/** Returns the configuration of this name. Throws when there is none. */
export function findConfig(system: string, name: string): Config {
  const found = CONFIGS.find((config) => config.system === system && config.name === name);
  if (found === undefined) throw new Error(`There is no configuration ${system} ${name}.`);
  return found;
}
