/** Which figures each table shows, and by which one its systems are compared. */
import type { WorkloadName } from '../systems/configs.ts';

/** One column. */
export interface Column {
  readonly figure: string;
  readonly head: string;
}

/** The columns of one workload; the first is the one that is compared. */
export interface TableShape {
  readonly columns: readonly Column[];
  readonly better: 'highest' | 'lowest';
}

const RATE: Column = { figure: 'jobsPerSecond', head: 'jobs/s' };
const NODE: Column = { figure: 'nodeMicrosPerJob', head: 'node µs/job' };
const SERVER: Column = { figure: 'serverMicrosPerJob', head: 'server µs/job' };
const WAL: Column = { figure: 'walBytesPerJob', head: 'WAL B/job' };
const RSS: Column = { figure: 'rssMb', head: 'RSS MB' };
const CLAIM: Column = { figure: 'claimMicrosPerJob', head: 'claim µs/job' };
const SERVER_CPU: Column = { figure: 'serverCpuPercent', head: 'server CPU %' };
const P50: Column = { figure: 'p50Ms', head: 'p50 ms' };
const P99: Column = { figure: 'p99Ms', head: 'p99 ms' };

/** The shape of every table. */
export const TABLES: Readonly<Record<WorkloadName, TableShape>> = {
  W1a: { better: 'highest', columns: [RATE, NODE, SERVER, WAL] },
  W1b: { better: 'highest', columns: [RATE, NODE, SERVER, WAL] },
  W2: { better: 'highest', columns: [RATE, NODE, SERVER, WAL, RSS] },
  W3: {
    better: 'lowest',
    columns: [
      P50,
      { figure: 'p95Ms', head: 'p95 ms' },
      P99,
      { figure: 'maxMs', head: 'max ms' },
      { figure: 'callP50Ms', head: 'call p50 ms' },
    ],
  },
  W4: {
    better: 'lowest',
    columns: [
      P99,
      P50,
      { figure: 'sentPerSecond', head: 'sent/s' },
      { figure: 'donePerSecond', head: 'done/s' },
      { figure: 'workerCpuPercent', head: 'worker CPU %' },
      { figure: 'producerCpuPercent', head: 'producer CPU %' },
      SERVER_CPU,
      WAL,
      RSS,
    ],
  },
  W5: {
    better: 'lowest',
    columns: [
      { figure: 'recoveryMs', head: 'recovery ms' },
      { figure: 'slowestMs', head: 'slowest ms' },
      { figure: 'recovered', head: 'recovered' },
      { figure: 'kills', head: 'kills' },
    ],
  },
  W6backlog: { better: 'highest', columns: [RATE, CLAIM, NODE, SERVER, WAL] },
  W6snapshot: { better: 'highest', columns: [RATE, NODE, SERVER, WAL] },
  W7: {
    better: 'lowest',
    columns: [RSS, { figure: 'nodeCpuPercent', head: 'node CPU %' }, SERVER_CPU],
  },
  G: {
    better: 'highest',
    columns: [
      { figure: 'drainPerSecond', head: 'drain jobs/s' },
      { figure: 'enqueuePerSecond', head: 'enqueue jobs/s' },
      CLAIM,
      NODE,
      SERVER,
      WAL,
      RSS,
      { figure: 'connections', head: 'connections' },
      { figure: 'diskMb', head: 'disk MB' },
    ],
  },
};
