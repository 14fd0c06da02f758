/** `unstuck job list`: one page of jobs, newest first. */
import type { Job } from '../domain/job.ts';
import { jobJson } from '../domain/json.ts';
import { EXIT } from './exit-codes.ts';
import { type FilterOptions, toFilter } from './filter-options.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import type { Cell, Column } from './table.ts';

/** Which jobs. */
export interface JobListOptions extends Globals, FilterOptions {
  readonly limit?: number;
  readonly after?: string;
}

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'TYPE', cut: true },
  { title: 'STATE' },
  { title: 'WAITS FOR' },
  { title: 'ATTEMPT', right: true },
  { title: 'CREATED' },
  { title: 'NOTE', cut: true },
];

/** Runs the command. */
export async function jobList(options: JobListOptions): Promise<number> {
  const screen = openScreen(options.output);
  const { limit, after } = options;
  const query = { ...toFilter(options), limit, after };
  const { jobs, next } = await withUnstuck(options, (unstuck) => unstuck.list(query));
  if (screen.json) screen.value({ jobs: jobs.map(jobJson), next });
  else if (screen.tty && jobs.length === 0) screen.line('No such jobs.');
  else
    screen.table(
      COLUMNS,
      jobs.map((job) => rowOf(job, screen, new Date())),
    );
  if (next !== null && !screen.json) screen.hint(`… more: --after ${next}`);
  return EXIT.ok;
}

function rowOf(job: Job, screen: Screen, now: Date): Cell[] {
  return [
    job.id,
    job.type,
    stateCell(job),
    job.waitsFor ?? '-',
    `${job.attempt}/${job.attemptsMax}`,
    screen.time(job.createdAt, now),
    noteOf(job),
  ];
}

/** The state in its colour; late ones in yellow. */
export function stateCell(job: Job): Cell {
  if (job.late) return { text: `${job.state} (late)`, paint: 'yellow' };
  if (job.state === 'completed') return { text: job.state, paint: 'green' };
  return job.state === 'failed' ? { text: job.state, paint: 'red' } : job.state;
}

function noteOf(job: Job): string {
  if (job.error !== null) return `${job.error.code}: ${job.error.message}`;
  if (job.reason !== null) return job.reason;
  if (job.progress === null || job.finishedAt !== null) return '';
  return `${Math.round(job.progress * 100)} % ${job.progressNote ?? ''}`.trim();
}
