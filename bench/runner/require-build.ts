/** Makes sure that what is measured is the package as users get it, and as the sources are now. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);
const BUILT = new URL('dist/index.js', ROOT);
const SOURCES = new URL('src/', ROOT);

/** Builds the package when its build is missing or older than its sources; not when the sources themselves are run. */
export function requireBuild(): void {
  if (process.execArgv.some((argument) => argument.includes('unstuck-source'))) {
    console.error('Running the sources, not the build: only for trying out, not for figures.');
    return;
  }
  if (existsSync(BUILT) && statSync(BUILT).mtimeMs > newestSourceMs()) return;
  console.error('The build is missing or older than the sources: building.');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: fileURLToPath(ROOT),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error('The build failed: run `npm run build` beside bench/.');
}

function newestSourceMs(): number {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .reduce((newest, name) => Math.max(newest, statSync(new URL(name, SOURCES)).mtimeMs), 0);
}
