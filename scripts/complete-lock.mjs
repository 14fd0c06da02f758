// Adds to package-lock.json the packages of other platforms that npm leaves out where a registry does not answer for them,
// and then misses in `npm ci` (npm/cli#9846). Changes nothing when nothing is missing. Run after every `npm install`: npm run lock
import { readFileSync, writeFileSync } from 'node:fs';

const LOCK = new URL('../package-lock.json', import.meta.url);

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];
const LIBRARIES = { gnu: 'glibc', musl: 'musl' };

const lock = JSON.parse(readFileSync(LOCK, 'utf8'));
const additions = complete(lock.packages);
if (additions.length > 0) {
  lock.packages = sorted(lock.packages);
  writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(
  additions.length > 0
    ? `added to package-lock.json:\n  ${additions.join('\n  ')}`
    : 'package-lock.json is complete',
);

/** Adds an entry for every optional dependency that no place in the lock satisfies; answers the places. */
function complete(packages) {
  const added = [];
  for (const [owner, entry] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      const version = exactVersion(range);
      if (version === undefined || resolved(packages, owner, name)?.version === version) continue;
      if (!isExact(range) && resolved(packages, owner, name) !== undefined) continue;
      const place =
        packages[`node_modules/${name}`] === undefined
          ? `node_modules/${name}`
          : `${owner}/node_modules/${name}`;
      packages[place] = missing(version, name, entry);
      added.push(`${place} ${version}`);
    }
  }
  return added;
}

/** The package that Node finds as `name` from the place `owner`: the nearest node_modules wins. */
function resolved(packages, owner, name) {
  for (let at = owner; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const found = packages[at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`];
    if (found !== undefined || at === '') return found;
  }
}

/** `1.2.3` as it is; of a caret or tilde range its lower end, which exists because the owner was built against it. */
function exactVersion(range) {
  return /^[\^~]?(\d+\.\d+\.\d+[\w.+-]*)$/.exec(range)?.[1];
}

function isExact(range) {
  return /^\d/.test(range);
}

/** An entry with its keys in the order in which npm writes them. */
function missing(version, name, owner) {
  const { os, cpu, libc } = platformOf(name);
  return {
    version,
    ...(cpu && { cpu: [cpu] }),
    ...(owner.dev && { dev: true }),
    ...(libc && { libc: [libc] }),
    optional: true,
    ...(os && { os: [os] }),
  };
}

/** Reads `os`, `cpu` and `libc` out of names such as `@biomejs/cli-darwin-arm64` or `@oxlint/binding-linux-x64-musl`. */
function platformOf(name) {
  const words = name.replace('windows', 'win32').split(/[-/]/);
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  const libc = os === 'linux' && words.map((word) => LIBRARIES[word]).find(Boolean);
  return { os, cpu, libc };
}

function sorted(packages) {
  return Object.fromEntries(Object.entries(packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
