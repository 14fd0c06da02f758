/** Brings a server up: joins the one that runs, or starts one, whatever state the last one left. */
import type { ChildProcess } from 'node:child_process';
import { statSync, truncateSync } from 'node:fs';
import { monotonicMs, sleep } from '../../std/timer.ts';
import type { Binaries } from './binaries.ts';
import { failure } from './failure.ts';
import { runServer } from './keeper.ts';
import type { Ownership } from './ownership.ts';
import type { Place } from './place.ts';
import { choosePort, rememberPort } from './port.ts';
import { logTail } from './server-log.ts';
import { type ServerState, serverState } from './server-process.ts';

/** What a start needs to know. */
export interface BringUp {
  readonly place: Place;
  readonly binaries: Binaries;
  readonly owner: Ownership;
  /** Undefined: the remembered or any free port. */
  readonly port: number | undefined;
  readonly durable: boolean;
  readonly maxConnections: number;
  readonly timeoutMs: number;
}

/** A server that accepts connections and counts us among its owners. */
export interface BroughtUp {
  readonly pid: number;
  readonly port: number;
  /** Whether this call started it. */
  readonly started: boolean;
}

const LOOK_MS = 20;
const REPEAT_MS = 200;

/** Resolves when a server accepts connections on the data directory and its keeper counts us. */
export async function bringUp(given: BringUp): Promise<BroughtUp> {
  const deadline = monotonicMs() + given.timeoutMs;
  for (let launched: number | undefined; ; ) {
    if (monotonicMs() > deadline) throw tooLate(given);
    const state = serverState(given.place.dataDirectory);
    if (state === undefined) {
      launched = await launch(given, deadline);
    } else if (state.status !== 'ready') {
      await sleep(LOOK_MS);
    } else if (await given.owner.join(state.pid)) {
      rememberPort(given.place.portFile, state.port);
      return { pid: state.pid, port: state.port, started: state.pid === launched };
    } else {
      // It is being stopped: the next look finds it gone.
      await sleep(LOOK_MS);
    }
  }
}

/** Starts a server and waits until it is ready or has ended; answers its process id when it is ready. */
async function launch(given: BringUp, deadline: number): Promise<number | undefined> {
  const { place } = given;
  const port = given.port ?? (await choosePort(place.portFile));
  const logFrom = statSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (statSync(place.joinedFile, { throwIfNoEntry: false })) truncateSync(place.joinedFile);
  const child = runServer(place, [given.binaries.postgres, ...serverArguments(given, port)]);
  const state = await readyOrEnded(place, child, deadline);
  if (state !== undefined) return state.pid;
  if (child.exitCode !== null || child.signalCode !== null) await explainEnd(given, port, logFrom);
  return undefined;
}

async function readyOrEnded(
  place: Place,
  child: ChildProcess,
  deadline: number,
): Promise<ServerState | undefined> {
  let failed: Error | undefined;
  child.once('error', (error) => {
    failed = error;
  });
  while (child.exitCode === null && child.signalCode === null && monotonicMs() < deadline) {
    await sleep(LOOK_MS);
    if (failed !== undefined)
      throw failure(`Expected /bin/sh to start, got: ${failed.message}`, {}, failed);
    const state = serverState(place.dataDirectory);
    if (state?.status === 'ready') return state;
  }
  return undefined;
}

/** Returns after a pause when another try can succeed, else throws what the server wrote. */
async function explainEnd(given: BringUp, port: number, logFrom: number): Promise<void> {
  const { logFile } = given.place;
  // A start that set the old log aside wrote to a new one.
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  const text = logTail(logFile, size < logFrom ? 0 : logFrom);
  const portTaken = /could not bind|Address already in use|could not create any TCP/.test(text);
  if (portTaken && given.port !== undefined) {
    throw failure(
      `Port ${port} on 127.0.0.1 is taken by another program. Free it, or leave the port to choose.`,
      { port, logFile },
    );
  }
  // Another process started one at the same moment, or what a killed server left is just ending.
  if (
    !portTaken &&
    !/postmaster\.pid|pre-existing shared memory|server might be running/.test(text)
  ) {
    throw failure(`PostgreSQL did not start; the end of ${logFile}:\n${text}`, { logFile });
  }
  await sleep(REPEAT_MS);
}

function serverArguments({ place, durable, maxConnections }: BringUp, port: number): string[] {
  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    // No socket: its path could be too long, and one door is easier to guard.
    unix_socket_directories: '',
    max_connections: maxConnections,
    cluster_name: 'unstuck',
    // Commits are written in any case, so that a killed server, unlike a cut of power, loses none.
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
  };
  const pairs = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', place.dataDirectory, '-p', String(port), ...pairs];
}

function tooLate({ place, timeoutMs }: BringUp): Error {
  return failure(
    `PostgreSQL was not ready within ${timeoutMs} ms; the end of ${place.logFile}:\n${logTail(place.logFile)}`,
    { logFile: place.logFile },
  );
}
