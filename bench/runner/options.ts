/** The options of the command line. */
import { parseArgs } from 'node:util';
import { CONFIGS } from '../systems/configs.ts';
import { WORKLOADS } from '../workloads/all.ts';
import type { Scale } from '../workloads/workload.ts';

/** What to run. */
export interface Options {
  readonly only: ReadonlySet<string>;
  readonly systems: ReadonlySet<string>;
  readonly rounds: number;
  readonly scale: Scale;
  readonly series: ReadonlySet<string>;
  readonly file: string;
  /** The directory of the server's programs; undefined for the embedded ones. */
  readonly postgres: string | undefined;
}

/** How the program is called. */
export const USAGE = `npm run bench -- [options]
  --only W1a,W2       these workloads (${WORKLOADS.map(({ name }) => name).join(', ')}); W6 means all that begin so
  --systems a,b       these systems (${[...new Set(CONFIGS.map(({ system }) => system))].join(', ')})
  --series on,off     with durable commits, without, or both (default: both)
  --rounds N          rounds in which all systems take turns (default 3)
  --quick             a tenth of the sizes, one round: does it run?
  --check             short rounds of the rows that have a target; exit code 1 when one is missed
  --postgres DIR      the directory of another server's \`postgres\` and \`initdb\` (default: the embedded PostgreSQL 18)
  --out FILE          where the cells are written (default results/run.jsonl); tables and charts beside it`;

/** Parses the command line. Throws with the usage when it is wrong. */
export function parseOptions(args: readonly string[], directory: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      systems: { type: 'string' },
      series: { type: 'string', default: 'on,off' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      out: { type: 'string' },
      postgres: { type: 'string' },
    },
  });
  const scale: Scale = values.check ? 'check' : values.quick ? 'quick' : 'full';
  const rounds = Number(values.rounds ?? (scale === 'quick' ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`Expected --rounds to be a whole number from 1, got ${values.rounds}.`);
  const names = WORKLOADS.map(({ name }) => name);
  const systems: readonly string[] = CONFIGS.map(({ system }) => system);
  return {
    only: choose('--only', values.only, names),
    systems: choose('--systems', values.systems, systems),
    series: choose('--series', scale === 'check' ? 'on' : values.series, ['on', 'off']),
    rounds,
    scale,
    postgres: values.postgres,
    file: values.out ?? `${directory}/results/${scale === 'check' ? 'check' : 'run'}.jsonl`,
  };
}

function choose(
  option: string,
  given: string | undefined,
  known: readonly string[],
): ReadonlySet<string> {
  if (given === undefined) return new Set(known);
  const chosen = given.split(',').flatMap((word) => {
    const found = known.filter((name) => name === word);
    const begun = found.length > 0 ? found : known.filter((name) => name.startsWith(word));
    if (word === '' || begun.length === 0)
      throw new Error(
        `${option} does not know ${JSON.stringify(word)}: ${[...new Set(known)].join(', ')}.`,
      );
    return begun;
  });
  return new Set(chosen);
}
