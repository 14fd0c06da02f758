/** Where everything of one embedded server lies. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { failure, systemCode } from './failure.ts';
import { canEnter, type ServerUser, serverUser } from './server-user.ts';

/** The files of one embedded server, and as whom it runs. */
export interface Place {
  readonly directory: string;
  readonly dataDirectory: string;
  /** Undefined: the server runs as ourselves. */
  readonly user: ServerUser | undefined;
  /** Where root puts what the server's user cannot reach. */
  readonly sharedDirectory: string;
  readonly logFile: string;
  readonly portFile: string;
  /** Named pipe whose writers are the processes that hold the server. */
  readonly ownersFile: string;
  /** Where the server's keeper confirms who joined. */
  readonly joinedFile: string;
}

const SHARED_DIRECTORY = '/var/lib/unstuck';

/** Makes the directory when it is missing and answers where everything lies. */
export function openPlace(given: string, sharedDirectory: string = SHARED_DIRECTORY): Place {
  const directory = openDirectory(resolve(given));
  const link = join(directory, 'data');
  const user = serverUser(existsSync(link) ? realpathSync(link) : link);
  const dataDirectory = dataDirectoryFor(directory, link, user, sharedDirectory);
  return {
    directory,
    dataDirectory,
    user,
    sharedDirectory,
    logFile: join(directory, 'postgres.log'),
    portFile: join(directory, 'port'),
    ownersFile: join(directory, 'owners'),
    joinedFile: join(directory, 'joined'),
  };
}

function openDirectory(directory: string): string {
  try {
    if (makeDirectory(directory)) {
      // It holds a password and a database: neither belongs into a repository.
      writeFileSync(join(directory, '.gitignore'), '*\n');
    }
    const { mode, uid } = statSync(directory);
    // The server's user must be able to pass through, not to look around.
    if (process.getuid?.() === 0 && (mode & 0o011) !== 0o011) chmodSync(directory, mode | 0o011);
    if (process.getuid?.() !== 0 && uid !== process.getuid?.()) throw foreign(directory, uid);
    return realpathSync(directory);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw failure(
      `Expected to make or open the directory ${directory}, got: ${String(error)}. Choose another with UNSTUCK_DIRECTORY, or set UNSTUCK_DATABASE_URL.`,
      { directory },
      error,
    );
  }
}

/** Answers whether it was missing; only its own mode is ours to choose, not that of the ones above. */
function makeDirectory(directory: string): boolean {
  if (existsSync(directory)) return false;
  mkdirSync(dirname(directory), { recursive: true });
  return mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined;
}

function dataDirectoryFor(
  directory: string,
  link: string,
  user: ServerUser | undefined,
  shared: string,
): string {
  const found = lstatSync(link, { throwIfNoEntry: false });
  if (found === undefined && user !== undefined && !canEnter(user, directory)) {
    moveOut(directory, link, user, shared);
  } else if (found?.isSymbolicLink() === true && !existsSync(link)) {
    throw failure(
      `The data of ${directory} was kept where its link data points, and that is gone. Bring it back, or remove the link to begin anew.`,
      { directory },
    );
  } else if (
    found !== undefined &&
    user !== undefined &&
    !canEnter(user, directory) &&
    !found.isSymbolicLink()
  ) {
    throw failure(
      `The server's user ${user.uid} cannot reach ${link} because a directory above it is closed. Open that (chmod o+x), or start as the user who owns it.`,
      { directory },
    );
  }
  return existsSync(link) ? realpathSync(link) : link;
}

/**
 * Puts the data where the server's user can reach it and leaves a link: root's checkout often lies under a closed
 * directory such as /root, which is not ours to open.
 */
function moveOut(directory: string, link: string, user: ServerUser, shared: string): void {
  mkdirSync(shared, { recursive: true, mode: 0o755 });
  const home = mkdtempSync(join(shared, `${basename(directory)}-`));
  chmodSync(home, 0o711);
  const data = join(home, 'data');
  mkdirSync(data, { mode: 0o700 });
  try {
    if (!canEnter(user, home)) {
      throw failure(
        `The server's user ${user.uid} can reach neither ${directory} nor ${shared}. Start this as an ordinary user, or set UNSTUCK_DATABASE_URL.`,
        { directory },
      );
    }
    symlinkSync(data, link);
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    // Another process that starts at the same time has made the link: its place is as good.
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}

function foreign(directory: string, uid: number): Error {
  return failure(
    `The directory ${directory} belongs to user ${uid}, and this process is user ${process.getuid?.() ?? '?'}. Start this as that user, or choose another directory with UNSTUCK_DIRECTORY.`,
    { directory },
  );
}
