// Builds dist/ from src/ with the compiler alone: no bundler, one output file per source file.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';

const COMMAND = 'dist/cli/main.js';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
// npm makes a linked command executable only when it installs it; a checkout that is linked needs it now.
if (existsSync(COMMAND)) chmodSync(COMMAND, 0o755);
