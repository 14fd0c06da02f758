/** As whom the server runs: PostgreSQL refuses to run as root, so root lends it another user. */
import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { failure } from './failure.ts';

/** A user and group by number. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Tried in this order: a user made for the purpose before one that strangers may share. */
const CANDIDATES = ['postgres', 'nobody', 'daemon'];

/** The unprivileged user for a server on this data directory; undefined when we are not root and need none. */
export function serverUser(dataDirectory: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = lstatSync(dataDirectory, { throwIfNoEntry: false });
  if (owner?.isDirectory() === true && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of CANDIDATES) {
    const uid = lookUp('-u', name);
    const gid = lookUp('-g', name);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw failure(
    `PostgreSQL does not run as root, and none of the users ${CANDIDATES.join(', ')} exists to run it instead. Start this as an ordinary user, or set UNSTUCK_DATABASE_URL.`,
  );
}

/** Whether the user can enter the directory, tried for real: modes, lists and mounts all count. */
export function canEnter(user: ServerUser, directory: string): boolean {
  const options = { ...user, cwd: '/', stdio: 'ignore' } as const;
  return spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], options).status === 0;
}

function lookUp(what: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [what, name], { encoding: 'utf8' });
  // The `| 0` is for systems that print nobody's -2 as 4294967294, which Node does not take.
  return status === 0 ? Number(stdout.trim()) | 0 : undefined;
}
