// A project of a user: its `unstuck` is this package, built as npm ships it, and its other packages are those of the checkout.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Makes the project in a directory of its own; whoever made it calls `remove`. */
export async function makeProject(): Promise<{ directory: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'unstuck-project-'));
  const packages = join(directory, 'node_modules');
  const unstuck = join(packages, 'unstuck');
  await mkdir(unstuck, { recursive: true });
  for (const name of await readdir('node_modules'))
    await symlink(join(process.cwd(), 'node_modules', name), join(packages, name));
  await symlink(join(process.cwd(), 'package.json'), join(unstuck, 'package.json'));
  await promisify(execFile)(process.execPath, ['scripts/build.ts', join(unstuck, 'dist')]);
  await writeFile(join(directory, 'package.json'), '{ "private": true, "type": "module" }');
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
