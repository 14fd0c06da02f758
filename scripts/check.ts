// Everything that must hold before a commit, one line per step: `npm run check`, and with all tests `npm test`.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { failedTests } from './failed-tests.ts';

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** What to run when the step is red. */
  readonly remedy: string;
  /** Shows its output while it runs; the other steps only show it when they fail. */
  readonly live?: boolean;
  /** Leave the step out when an earlier one of this name has failed. */
  readonly after?: string;
}

/** All tests take 10 to 14 minutes on two quick processors, and twice as long on two slow ones. */
const STEP_MS_MAX = 60 * 60_000;

const RESULTS = join(tmpdir(), `unstuck-tests-${process.pid}.json`);
const REPORTERS = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];

const TESTS: Step = process.argv.includes('--all-tests')
  ? {
      name: 'tests',
      command: ['vitest', 'run', ...REPORTERS],
      remedy: 'npx vitest run <file>',
      live: true,
    }
  : {
      name: 'laws',
      command: ['vitest', 'run', '--project', 'laws'],
      remedy: 'npx vitest run --project laws',
    };

const STEPS: readonly Step[] = [
  {
    name: 'format',
    command: ['biome', 'check', '--error-on-warnings', '.'],
    remedy: 'npm run format',
  },
  { name: 'lint', command: ['oxlint', '--deny-warnings'], remedy: 'npx oxlint' },
  { name: 'types', command: ['npm', 'run', '--silent', 'types'], remedy: 'npm run types' },
  { name: 'dead code', command: ['knip'], remedy: 'npx knip' },
  { name: 'build', command: ['node', 'scripts/build.ts'], remedy: 'npm run build' },
  {
    name: 'api report',
    command: ['node', 'scripts/api-report.ts'],
    remedy: 'npm run api, then read what changed in api/',
    after: 'build',
  },
  {
    name: 'package',
    command: ['publint', '--strict'],
    remedy: 'npx publint --strict',
    after: 'build',
  },
  {
    name: 'package types',
    command: ['attw', '--pack', '.', '--profile', 'esm-only'],
    remedy: 'npx attw --pack . --profile esm-only',
    after: 'build',
  },
  TESTS,
];

const failed = new Map<string, Step>();
for (const step of STEPS) {
  if (step.after !== undefined && failed.has(step.after)) continue;
  if (!passes(step)) failed.set(step.name, step);
}
// Last of all, so that who sees only the end of the output sees which.
if (failed.has('tests')) for (const line of failedTests(RESULTS)) console.error(line);
rmSync(RESULTS, { force: true });
for (const { name, remedy } of failed.values()) console.error(`red: ${name} (${remedy})`);
process.exitCode = failed.size > 0 ? 1 : 0;

/** Runs one step, bounded in time, and prints how it went. */
function passes({ name, command, live = false }: Step): boolean {
  const [program = '', ...args] = command;
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: live ? 'inherit' : 'pipe',
    timeout: STEP_MS_MAX,
  });
  const passed = status === 0;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${passed ? 'ok ' : 'RED'} ${name.padEnd(14)} ${seconds.padStart(5)} s`);
  if (!passed) console.log([stdout, stderr, error?.message].filter(Boolean).join('\n'));
  return passed;
}
