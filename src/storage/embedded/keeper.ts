/**
 * The keeper: a shell that runs the server in a session of its own, and stops it when nobody holds it any more.
 *
 * Every process that holds the server has the named pipe `owners` open for writing; the keeper reads from it, and the
 * system itself tells it when the last writer has gone, by `stop`, exit or kill -9 alike. No pid files to grow stale.
 * Those who join send a token and wait until the keeper has written it down: while a joined process holds the pipe the
 * keeper cannot see its end. And it writes down that it stops the server before it lets go of its own end, so that who
 * finds no keeper can tell one that was killed from one that is done. So nobody joins a server that is being stopped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { systemCode } from './failure.ts';
import { openPipe } from './owners-pipe.ts';
import type { Place } from './place.ts';
import { serverEnvironment } from './server-environment.ts';
import { openLog } from './server-log.ts';

/** In place of a token: the server is being stopped. */
const STOPPING = 'stopping';

/** Reads tokens from fd 0 and confirms them on fd 3 for the server $pg until the last owner is gone. */
const CONFIRM = `
  while IFS= read -r token; do
    if [ -n "$token" ]; then printf '%s %s\\n' "$token" "$pg" >&3; fi
  done
  printf '%s %s\\n' ${STOPPING} "$pg" >&3`;

/** Its children get neither pipe: a server that held them would be its own owner. */
const RUN = `
exec 4<&0 </dev/null
"$@" 3>&- 4<&- &
pg=$!
{ ${CONFIRM}
  kill -INT "$pg"
} <&4 4<&- &
reader=$!
exec 3>&- 4<&-
wait "$pg"
code=$?
kill "$reader" 2>/dev/null
exit "$code"`;

/** For a server whose keeper was killed: it is not our child, so its number is checked against its pid file first. */
const GUARD = `
pg=$1
${CONFIRM}
read -r now < "$2" && [ "$now" = "$pg" ] && kill -INT "$pg"`;

/** Starts a server with its keeper; the answer ends when the server does, with its exit code. */
export function runServer(place: Place, command: readonly string[]): ChildProcess {
  return startKeeper(place, RUN, command);
}

/** Gives a new keeper to a running server. */
export function guardServer(place: Place, pid: number): void {
  startKeeper(place, GUARD, [String(pid), `${place.dataDirectory}/postmaster.pid`]);
}

/** Whether the keeper of the server `pid` has counted the token. */
export function isConfirmed({ joinedFile }: Place, token: string, pid: number): boolean {
  return readLines(joinedFile).includes(`${token} ${pid}`);
}

/** Whether the keeper of the server `pid` has begun to stop it. */
export function isBeingStopped(place: Place, pid: number): boolean {
  return isConfirmed(place, STOPPING, pid);
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function startKeeper(place: Place, script: string, args: readonly string[]): ChildProcess {
  const owners = openPipe(place.ownersFile, 'read');
  const joined = openSync(place.joinedFile, 'a', 0o600);
  const log = openLog(place.logFile);
  try {
    const child = spawn('/bin/sh', ['-c', script, 'unstuck-keeper', ...args], {
      ...place.user,
      // A session of its own: Ctrl-C in the terminal must not reach the database before the workers have drained.
      detached: true,
      cwd: '/',
      env: serverEnvironment(),
      stdio: [owners, log, log, joined],
    });
    child.unref();
    return child;
  } finally {
    for (const file of [owners, joined, log]) closeSync(file);
  }
}
