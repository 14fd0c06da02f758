/** Host: who this process is, so that another process on the same machine can prove that it is dead. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The identity of a process. */
export interface ProcessIdentity {
  /** Machine, boot and PID namespace; equal only where a PID means the same process. */
  readonly host: string;
  readonly pid: number;
  /** When the process started, in the kernel's own words; a reused PID has another. */
  readonly started: string;
}

/** The identity of this process. Where the system does not tell (not Linux), no proof is possible and `host` is unique. */
export function thisProcess(): ProcessIdentity {
  return { host: hostOf(), pid: process.pid, started: startOf(process.pid) ?? '' };
}

/** Whether it is proven that the process is gone: same machine, boot and namespace, and its PID is free or somebody else's. */
export function isGone(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (other.host !== self.host || other.started === '' || self.started === '') return false;
  return startOf(other.pid) !== other.started;
}

let host: string | undefined;

function hostOf(): string {
  host ??= [
    hostname(),
    read('/proc/sys/kernel/random/boot_id') ?? randomUUID(),
    namespaceOf(),
  ].join(' ');
  return host;
}

function namespaceOf(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** Field 22 of /proc/PID/stat; a zombie (state Z) counts as gone: it runs nothing any more. */
function startOf(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
