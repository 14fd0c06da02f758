/** `unstuck schedule show`: one schedule with everything that is known of it. */
import { unstuckError } from '../domain/errors.ts';
import { scheduleJson } from '../domain/json.ts';
import type { Schedule } from '../domain/schedule.ts';
import { EXIT } from './exit-codes.ts';
import { ruleInWords, troubleOf } from './schedule-list.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';

/** Runs the command: exit code 3 when there is no such schedule. */
export async function scheduleShow(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const schedule = await withUnstuck(options, (unstuck) => unstuck.schedules.get(name));
  if (schedule === undefined)
    throw unstuckError('SCHEDULE_NOT_FOUND', `There is no schedule ${JSON.stringify(name)}.`, {
      detail: { name },
    });
  showSchedule(screen, schedule);
  return EXIT.ok;
}

/** Writes a schedule. */
export function showSchedule(screen: Screen, schedule: Schedule): void {
  if (screen.json) {
    screen.value(scheduleJson(schedule));
    return;
  }
  for (const [name, value] of factsOf(schedule, screen, new Date()))
    screen.line(
      screen.tty ? `${screen.paint(name.padEnd(12), 'gray')} ${value}` : `${name}\t${value}`,
    );
}

function factsOf(schedule: Schedule, screen: Screen, now: Date): [string, string][] {
  const trouble = troubleOf(schedule, screen, now);
  const facts: [string, string | null][] = [
    ['name', schedule.name],
    ['type', schedule.type],
    ['input', JSON.stringify(schedule.input)],
    ['rule', ruleInWords(schedule)],
    ['anchor', schedule.anchor && schedule.anchor.toISOString()],
    ['next', screen.time(schedule.nextAt, now)],
    ['last', schedule.lastAt && screen.time(schedule.lastAt, now)],
    ['last job', schedule.lastJobId],
    ['fired', String(schedule.firedTimes)],
    ['missed', counted(schedule.missedTimes, missedPolicy(schedule))],
    ['overlap', counted(schedule.skippedTimes, schedule.overlap)],
    ['priority', schedule.priority === 0 ? null : String(schedule.priority)],
    ['tags', schedule.tags.length === 0 ? null : schedule.tags.join(', ')],
    ['note', trouble === undefined ? null : typeof trouble === 'string' ? trouble : trouble.text],
    ['set', screen.time(schedule.updatedAt, now)],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

function missedPolicy({ missed, missedMax }: Schedule): string {
  return missed === 'all' ? `all, at most ${missedMax}` : missed;
}

function counted(times: number, policy: string): string {
  return times === 0 ? policy : `${policy}, ${times} times`;
}
