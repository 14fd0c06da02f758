// Measures Unstuck beside its peers: `npm run bench`, options with `npm run bench -- --help`.
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanUp, cleanUpOnSignals, interrupted } from './core/cleanup.ts';
import { addCell, type Machine, readResults, startResults } from './core/results.ts';
import { summarize } from './report/summarize.ts';
import { judge, judgementLine } from './report/targets.ts';
import { writeReport } from './report/write-report.ts';
import { type Options, parseOptions, USAGE } from './runner/options.ts';
import { packageVersions } from './runner/package-versions.ts';
import { groupTurns, planRun, type Turn } from './runner/plan.ts';
import { requireBuild } from './runner/require-build.ts';
import { runCell } from './runner/run-cell.ts';
import { Postgres } from './servers/postgres.ts';
import { redisVersion } from './servers/redis.ts';

if (process.argv.includes('--help')) {
  console.log(USAGE);
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  requireBuild();
  cleanUpOnSignals();
  try {
    const postgres = await Postgres.start(options.postgres);
    const redis = redisVersion();
    if (redis === undefined)
      console.error('NO redis-server ON THE PATH: every row of BullMQ is left out.');
    await startResults(options.file, describe(options, postgres.version, redis));
    const turns = planRun(options).filter(
      ({ config }) => redis !== undefined || config.system !== 'bullmq',
    );
    const failed = await runAll(postgres, turns, options.file);
    if (interrupted.aborted) return 1;
    const missed = await conclude(options);
    return failed || missed ? 1 : 0;
  } finally {
    await cleanUp();
  }
}

/** Parses the command line; says what is wrong with it. */
function readOptions(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2), fileURLToPath(new URL('.', import.meta.url)));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return undefined;
  }
}

/** Runs the cells; one that fails is said and left out, the others go on. Answers whether one failed. */
async function runAll(postgres: Postgres, turns: readonly Turn[], file: string): Promise<boolean> {
  let done = 0;
  let failed = false;
  for (const group of groupTurns(turns)) {
    if (interrupted.aborted) break;
    const ran = await Promise.all(group.map((turn) => runTurn(postgres, turn, file)));
    done += group.length;
    failed ||= ran.includes(false);
    console.log(`${done} of ${turns.length} cells`);
  }
  return failed;
}

async function runTurn(postgres: Postgres, turn: Turn, file: string): Promise<boolean> {
  const { workload, config, sync, variant, round } = turn;
  const name = [workload.name, variant.name, config.system, config.name, `sync ${sync}`].join(' ');
  try {
    for (const { variant: found, metrics } of await runCell(postgres, turn)) {
      addCell(file, {
        kind: 'cell',
        workload: workload.name,
        variant: found,
        system: config.system,
        config: config.name,
        sync,
        round,
        history: config.history,
        handlers: config.handlers,
        metrics,
      });
      console.log(`${name}${found === variant.name ? '' : ` (${found})`}: ${brief(metrics)}`);
    }
    return true;
  } catch (error) {
    if (!interrupted.aborted) console.error(`${name} FAILED: ${String(error)}`);
    return false;
  }
}

/** Writes the report and prints the targets; answers whether a check missed one. */
async function conclude({ file, scale }: Options): Promise<boolean> {
  for (const written of await writeReport([file], dirname(file))) console.log(written);
  const judgements = judge(summarize(readResults([file]).cells));
  const shown = scale === 'check' ? judgements : judgements.filter(({ measured }) => measured);
  for (const judgement of shown) console.log(judgementLine(judgement));
  return scale === 'check' && judgements.some(({ met }) => !met);
}

function brief(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${value >= 100 ? Math.round(value) : value.toFixed(2)}`)
    .join(', ');
}

function describe(options: Options, postgres: string, redis: string | undefined): Machine {
  return {
    kind: 'machine',
    at: new Date().toISOString(),
    processors: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    versions: {
      node: process.versions.node,
      postgresql: postgres,
      redis: redis ?? 'none',
      ...packageVersions(),
    },
    scale: options.scale,
  };
}
