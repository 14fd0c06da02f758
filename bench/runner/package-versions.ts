/** The versions of what is measured, as installed. */
import { readFileSync } from 'node:fs';

const PACKAGES = ['unstuck', 'graphile-worker', 'pg-boss', 'bullmq', 'ioredis', 'pg'];

/** Returns the installed versions by package. */
export function packageVersions(): Record<string, string> {
  return Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)]));
}

function versionOf(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return version;
}
