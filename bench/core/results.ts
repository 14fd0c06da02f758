/** What a run writes: one JSON line about the machine, then one for each measured cell. */
import { appendFileSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Sync } from '../servers/postgres.ts';
import type { SystemName, WorkloadName } from '../systems/configs.ts';

/** The figures of one cell by name; the unit is the last word of the name. */
export type Metrics = Readonly<Record<string, number>>;

/** Under which conditions all cells of a run were measured. */
export interface Machine {
  readonly kind: 'machine';
  readonly at: string;
  readonly processors: string;
  readonly memoryGb: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly scale: string;
}

/** One measured cell. */
export interface Cell {
  readonly kind: 'cell';
  readonly workload: WorkloadName;
  readonly variant: string;
  readonly system: SystemName;
  readonly config: string;
  readonly sync: Sync;
  readonly round: number;
  readonly history: boolean;
  readonly handlers: string;
  readonly metrics: Metrics;
}

/** The results of one or more runs. */
export interface Results {
  readonly machine: Machine | undefined;
  readonly cells: readonly Cell[];
}

/** Starts a file of results. */
export async function startResults(file: string, machine: Machine): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(machine)}\n`);
}

/** Adds a cell to the file at once, so that a run that ends early keeps what it has. */
export function addCell(file: string, cell: Cell): void {
  appendFileSync(file, `${JSON.stringify(cell)}\n`);
}

/** Reads files of results as one. */
export function readResults(files: readonly string[]): Results {
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n').filter(Boolean));
  const parsed = lines.map((line) => JSON.parse(line) as Machine | Cell);
  return {
    machine: parsed.find((each) => each.kind === 'machine'),
    cells: parsed.filter((each) => each.kind === 'cell'),
  };
}
