/** `unstuck schedule list`: one page of schedules, by name. */
import { scheduleJson } from '../domain/json.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { ScheduleFilter } from '../features/schedules/schedules.ts';
import { formatDuration } from '../std/duration.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import type { Cell, Column } from './table.ts';

/** Which schedules. */
export interface ScheduleListOptions extends Globals {
  readonly limit?: number;
  readonly after?: string;
}

const COLUMNS: readonly Column[] = [
  { title: 'NAME' },
  { title: 'TYPE', cut: true },
  { title: 'RULE' },
  { title: 'NEXT' },
  { title: 'LAST' },
  { title: 'FIRED', right: true },
  { title: 'NOTE', cut: true },
];

/** Runs the command. */
export async function scheduleList(options: ScheduleListOptions): Promise<number> {
  const screen = openScreen(options.output);
  const filter = Object.fromEntries(
    (['limit', 'after'] as const).flatMap((name) =>
      options[name] === undefined ? [] : [[name, options[name]]],
    ),
  ) as ScheduleFilter;
  const schedules = await withUnstuck(options, (unstuck) => unstuck.schedules.list(filter));
  if (screen.json) screen.value({ schedules: schedules.map(scheduleJson) });
  else if (screen.tty && schedules.length === 0) screen.line('No schedules.');
  else
    screen.table(
      COLUMNS,
      schedules.map((schedule) => rowOf(schedule, screen, new Date())),
    );
  return EXIT.ok;
}

/** The rule of a schedule in a few words. */
export function ruleInWords({ cron, every, timezone }: Schedule): string {
  return cron === null ? `every ${formatDuration(every ?? 0)}` : `${cron} ${timezone}`;
}

/** Why a schedule does not fire as it should; undefined when it does. */
export function troubleOf(schedule: Schedule, screen: Screen, now: Date): Cell | undefined {
  const { error, paused } = schedule;
  if (error !== null) return { text: `${error.code}: ${error.message}`, paint: 'red' };
  if (paused === null) return undefined;
  const until = paused.until === null ? '' : `, ends ${screen.time(paused.until, now)}`;
  const why = paused.reason === null ? '' : `: ${paused.reason}`;
  return {
    text: `paused${paused.by === null ? '' : ` by ${paused.by}`}${until}${why}`,
    paint: 'yellow',
  };
}

function rowOf(schedule: Schedule, screen: Screen, now: Date): Cell[] {
  return [
    schedule.name,
    schedule.type,
    ruleInWords(schedule),
    screen.time(schedule.nextAt, now),
    screen.time(schedule.lastAt, now),
    String(schedule.firedTimes),
    troubleOf(schedule, screen, now) ?? '',
  ];
}
