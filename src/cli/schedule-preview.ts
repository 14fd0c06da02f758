/** `unstuck schedule preview`: the next runs of a schedule, or of a rule that is not stored. */
import { unstuckError } from '../domain/errors.ts';
import { snakeJson } from '../domain/json.ts';
import type { NominalTime } from '../domain/nominal-times.ts';
import { EXIT } from './exit-codes.ts';
import { readTime } from './read-time.ts';
import { type RuleOptions, ruleGiven } from './schedule-set.ts';
import { openScreen } from './screen.ts';
import { withUnstuck } from './session.ts';
import type { Cell, Column } from './table.ts';

/** Which runs. */
export interface SchedulePreviewOptions extends RuleOptions {
  readonly count?: number;
  readonly from?: string;
}

const COLUMNS: readonly Column[] = [{ title: 'AT' }, { title: 'LOCAL TIME' }, { title: 'NOTE' }];

const NOTES = {
  gap: 'gap: clocks were put forward over a time of this rule',
  overlap: 'overlap: this local time comes twice',
} as const;

/** Runs the command: exit code 3 when there is no such schedule. */
export async function schedulePreview(
  options: SchedulePreviewOptions,
  name: string | undefined,
): Promise<number> {
  const screen = openScreen(options.output);
  const rule = ruleGiven(options);
  if (name !== undefined && Object.keys(rule).length > 0)
    throw unstuckError('SCHEDULE_INVALID', 'Expected the name of a schedule or a rule, got both.');
  const from = readTime(options.from, '--from');
  const which = {
    ...(options.count === undefined ? {} : { count: options.count }),
    ...(from === undefined ? {} : { from }),
  };
  const runs = await withUnstuck(options, (unstuck) =>
    unstuck.schedules.preview(name ?? rule, which),
  );
  if (screen.json) screen.value({ runs: runs.map(snakeJson) });
  else if (screen.tty && runs.length === 0) screen.line('No runs: it is paused without an end.');
  else
    screen.table(
      COLUMNS,
      runs.map((run) => rowOf(run, screen.tty)),
    );
  return EXIT.ok;
}

function rowOf({ at, local, note }: NominalTime, person: boolean): Cell[] {
  if (note === null) return [at.toISOString(), local, ''];
  return [at.toISOString(), local, { text: person ? NOTES[note] : note, paint: 'yellow' }];
}
