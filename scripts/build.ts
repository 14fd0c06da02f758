// Builds dist/ from src/: the compiler writes the declarations, one for each source file, and rolldown the code, in a few files.
// Elsewhere than in dist/ with a directory as argument. Why it is bundled: docs/decisions/035-bundle.md
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { checkChunks } from './build/check-chunks.ts';
import { chunkGroups, ENTRIES } from './build/chunks.ts';

const [, , directory = 'dist'] = process.argv;

rmSync(directory, { recursive: true, force: true });
const declarations = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', directory];
execFileSync('node_modules/.bin/tsc', declarations, { stdio: 'inherit' });
await bundle();
// npm makes a linked command executable only when it installs it; a checkout that is linked needs it now.
chmodSync(join(directory, 'cli/main.js'), 0o755);

async function bundle(): Promise<void> {
  const build = await rolldown({
    input: ENTRIES,
    platform: 'node',
    external: /^[^./]/,
    transform: { target: 'node22' },
  });
  const { output } = await build.write({
    dir: directory,
    format: 'esm',
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: { groups: chunkGroups() },
    // Names are kept, as they stand in stack traces; comments are in src/, which is shipped beside and to which the maps lead.
    minify: false,
    minifyInternalExports: false,
    comments: { jsdoc: false },
    sourcemap: true,
    sourcemapExcludeSources: true,
    // One character beyond Latin 1 makes V8 keep a whole file with two bytes for each.
    charset: 'ascii',
  });
  await build.close();
  checkChunks(output.filter((one) => one.type === 'chunk'));
}
