/** Every workload, in the order of the tables. */
import { drainWorkload } from './drain.ts';
import { enqueueManyWorkload, enqueueOnesWorkload } from './enqueue.ts';
import { growthWorkload } from './growth.ts';
import { latencyWorkload } from './latency.ts';
import { memoryWorkload } from './memory.ts';
import { backlogWorkload } from './queue-backlog.ts';
import { recoveryWorkload } from './recovery.ts';
import { snapshotWorkload } from './snapshot.ts';
import { sustainedWorkload } from './sustained.ts';
import type { Workload } from './workload.ts';

/** The workloads. */
export const WORKLOADS: readonly Workload[] = [
  enqueueOnesWorkload,
  enqueueManyWorkload,
  drainWorkload,
  latencyWorkload,
  sustainedWorkload,
  recoveryWorkload,
  backlogWorkload,
  snapshotWorkload,
  memoryWorkload,
  growthWorkload,
];
