/** The server as a process: what runs on a data directory, how to end it, when it is gone. */
import { spawnSync } from 'node:child_process';
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs, sleep } from '../../std/timer.ts';
import { systemCode } from './failure.ts';

/** What a server tells of itself in `postmaster.pid`. */
export interface ServerState {
  readonly pid: number;
  readonly port: number;
  readonly status: 'starting' | 'ready' | 'stopping';
}

/** What is told as the command line of a process that has ended and was not reaped: nothing, or `ps` its name in brackets. */
const NOT_REAPED = /^$|^\(.*\)$|<defunct>/;

const LOOK_MS = 20;
/** An empty pid file is being written, or was left by a full disk; a server writes its own within this time. */
const EMPTY_FILE_MS = 5_000;

/**
 * The server that runs on this data directory, or undefined. PostgreSQL itself starts over a `postmaster.pid` whose
 * process is dead, but refuses when the number is by now another program's (a reboot or a container's restart uses
 * numbers again): then the file is removed.
 */
export function serverState(dataDirectory: string): ServerState | undefined {
  const file = join(dataDirectory, 'postmaster.pid');
  const text = readText(file);
  if (text === undefined) return undefined;
  const [pid, , , port, , , , status] = text.split('\n');
  if (text === '' || pid === undefined) return emptyPidFile(file);
  if (!serverRuns(dataDirectory, Number(pid))) {
    if (isAnotherProgram(Number(pid))) removeStale(file, text);
    return undefined;
  }
  return { pid: Number(pid), port: Number(port), status: statusOf(status) };
}

/** Whether this process is the server of this directory; one that has ended but was not reaped is not. */
export function serverRuns(dataDirectory: string, pid: number): boolean {
  if (!processExists(pid)) return false;
  const directory = workingDirectory(pid);
  if (directory === dataDirectory) return true;
  const command = commandLine(pid);
  // Who cannot see must not conclude that nobody is there: two servers on one directory would destroy it.
  if (command === undefined || command.includes(dataDirectory)) return true;
  return directory === undefined && /postgres|postmaster/.test(command);
}

/** Whether a process with this number exists, as whoever. */
export function processExists(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/**
 * Whether this number belongs to a program that we can see. A server that was killed and not yet reaped has no command line: its file
 * stays, since PostgreSQL finds by it the backends that may still write.
 */
function isAnotherProgram(pid: number): boolean {
  return processExists(pid) && !NOT_REAPED.test(commandLine(pid)?.trim() ?? '');
}

/** Sends a signal; a process that is gone by now is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

/** Resolves to true when the process is no longer the server of this directory, to false after `withinMs`. */
export async function serverGone(
  dataDirectory: string,
  pid: number,
  withinMs: number,
): Promise<boolean> {
  const deadline = monotonicMs() + withinMs;
  while (serverRuns(dataDirectory, pid)) {
    if (monotonicMs() >= deadline) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

/** Takes the file away only if it still says what was read: a server may have started meanwhile. */
function removeStale(file: string, text: string): void {
  const aside = `${file}.stale-${process.pid}`;
  try {
    renameSync(file, aside);
    if (readText(aside) !== text) linkSync(aside, file);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function emptyPidFile(file: string): undefined {
  const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (age > EMPTY_FILE_MS) rmSync(file, { force: true });
  return undefined;
}

function statusOf(line: string | undefined): ServerState['status'] {
  const word = line?.trim();
  return word === 'ready' || word === 'stopping' ? word : 'starting';
}

/** A postmaster works in its data directory; undefined where the system does not tell. */
function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function commandLine(pid: number): string | undefined {
  const text = readText(`/proc/${pid}/cmdline`);
  if (text !== undefined) return text;
  const ps = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return ps.status === 0 ? ps.stdout : undefined;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
