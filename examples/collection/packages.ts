// What can be said of the packages that a lock file names: pure.

/** What a lock file says of a package. */
interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly os?: readonly string[];
}

/** The packages of a lock file. */
export interface PackageFacts {
  readonly packages: number;
  /** What users of the package install. */
  readonly production: number;
  /** Only for some operating systems. */
  readonly platformOnly: number;
  /** By licence, the most frequent first; `unknown` where none is named. */
  readonly licences: readonly { readonly licence: string; readonly count: number }[];
  /** Names of which there are several versions. */
  readonly repeated: readonly { readonly name: string; readonly versions: readonly string[] }[];
}

const FOLDER = 'node_modules/';

/** Reads a `package-lock.json` of version 2 or 3. Throws when it is none. */
export function readLock(text: string): PackageFacts {
  const { packages } = JSON.parse(text) as { packages?: Record<string, LockedPackage> };
  if (typeof packages !== 'object' || packages === null)
    throw new Error('Expected a lock file with `packages`. Write it with npm 7 or newer.');
  const installed = Object.entries(packages).filter(([path]) => path.includes(FOLDER));
  const all = installed.map(([, locked]) => locked);
  return {
    packages: all.length,
    production: all.filter(({ dev }) => dev !== true).length,
    platformOnly: all.filter(({ os }) => os !== undefined).length,
    licences: countLicences(all),
    repeated: findRepeated(installed),
  };
}

function countLicences(packages: readonly LockedPackage[]): PackageFacts['licences'] {
  const counts = new Map<string, number>();
  for (const { license: licence = 'unknown' } of packages)
    counts.set(licence, (counts.get(licence) ?? 0) + 1);
  return [...counts]
    .map(([licence, count]) => ({ licence, count }))
    .toSorted((a, b) => b.count - a.count || (a.licence < b.licence ? -1 : 1));
}

function findRepeated(
  installed: readonly (readonly [path: string, locked: LockedPackage])[],
): PackageFacts['repeated'] {
  const versions = new Map<string, Set<string>>();
  for (const [path, { version = '' }] of installed) {
    const name = path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);
    versions.set(name, (versions.get(name) ?? new Set()).add(version));
  }
  return [...versions]
    .filter(([, found]) => found.size > 1)
    .map(([name, found]) => ({ name, versions: [...found].toSorted() }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
