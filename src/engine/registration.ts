/** Registration: what a worker tells the database about itself when it signs on. */
import { thisProcess } from '../storage/host.ts';

/** What people see of a worker, and how much it takes. */
export interface Registered {
  readonly name: string;
  readonly version: string;
  readonly concurrency: number;
}

/** The fields that `registerWorker` reads, without the lock key: that one belongs to the connection. */
export function registrationOf(
  { name, version, concurrency }: Registered,
  types: readonly string[],
  leaseMs: number,
): Readonly<Record<string, unknown>> {
  const { host, pid, started } = thisProcess();
  return { name, host, pid, pid_started: started, lease_ms: leaseMs, types, concurrency, version };
}
