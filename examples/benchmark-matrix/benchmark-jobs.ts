// The job types of the benchmark: `benchmark` fans out into one `benchmark-cell` for each combination, and makes the table of them.
import {
  defineFanOut,
  defineJob,
  Fail,
  type FanOutJob,
  type JobDefinition,
  type RunningJob,
  type Stored,
} from 'unstuck';
import { z } from 'zod';
import { CODECS } from './codecs.ts';
import { type Cell, type Measured, UnmeasurableError } from './measure.ts';
import { measureBy, PROVIDERS, type ProviderName } from './providers.ts';
import { SAMPLES } from './samples.ts';
import { type BestOfSample, bestOf, tableOf } from './table.ts';

const codec = z.enum(CODECS);
const level = z.int().min(0).max(22);
const sample = z.enum(SAMPLES);
const providers = z.array(z.enum(PROVIDERS)).min(1).max(5);

const cellInput = z.strictObject({ codec, level, sample, providers });

/** A cell, and who is asked to measure it, in this order. */
export type CellInput = z.infer<typeof cellInput>;

/** What was measured, and by whom. */
export interface CellResult extends Measured {
  readonly provider: string;
}

/**
 * Measures a cell. Each provider is tried twice, the second time after a pause; one that does not answer within a second counts as failed.
 * Fails for good with `LEVEL_UNKNOWN` or `CODEC_MISSING` where no provider could do better.
 */
export const cellJob: JobDefinition<CellInput, CellInput, CellResult> = defineJob({
  type: 'benchmark-cell',
  input: cellInput,
  providers: (input) => input.providers,
  timeout: '1s',
  retry: { attempts: 2, backoff: 'exponential', base: '200ms' },
  run: runCell,
});

const matrixInput = z.strictObject({
  codecs: z.array(codec).min(1),
  levels: z.array(level).min(1).max(23),
  samples: z.array(sample).min(1),
  /** Who measures which codec. Default: `here`. */
  providers: z.partialRecord(codec, providers).optional(),
});

/** Which combinations to measure. */
export type MatrixInput = z.infer<typeof matrixInput>;

/** What the benchmark found. */
export interface MatrixResult {
  readonly measured: number;
  /** The cells that could not be measured, and why. */
  readonly failed: readonly { readonly cell: unknown; readonly why: string }[];
  readonly best: readonly BestOfSample[];
  /** The same as a table in Markdown. */
  readonly table: string;
}

/** Benchmarks codecs × levels × samples. Not every codec has every level, so four of five cells are enough. */
export const matrixJob: JobDefinition<MatrixInput, MatrixInput, MatrixResult> = defineFanOut({
  type: 'benchmark',
  input: matrixInput,
  executions: {
    of: cellJob,
    plan: ({ codecs, levels, samples }) => ({ codec: codecs, level: levels, sample: samples }),
    input: (cell: Cell, input): CellInput => ({ ...cell, providers: providersFor(cell, input) }),
    success: 0.8,
  },
  run: summarise,
});

async function runCell({ input, provider, signal }: RunningJob<CellInput>): Promise<CellResult> {
  const { providers: _, ...cell } = input;
  try {
    const name = (provider ?? 'here') as ProviderName;
    return { ...(await measureBy(name, cell, signal)), provider: name };
  } catch (error) {
    if (!(error instanceof UnmeasurableError)) throw error;
    throw new Fail(error.message, { code: error.code, cause: error });
  }
}

function providersFor({ codec: name }: Cell, input: MatrixInput): ProviderName[] {
  return input.providers?.[name] ?? ['here'];
}

function summarise({ executions }: FanOutJob<MatrixInput, Stored<CellResult>>): MatrixResult {
  const best = bestOf(executions.flatMap(({ result }) => result ?? []));
  const failed = executions
    .filter(({ state }) => state !== 'completed')
    .map(({ cell, error, state }) => ({ cell, why: error?.code ?? state }));
  return { measured: executions.length - failed.length, failed, best, table: tableOf(best) };
}
