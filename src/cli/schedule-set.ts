/** `unstuck schedule set`: stores a schedule, or changes what differs. */
import type { ScheduleOfType, ScheduleRule } from '../domain/schedule.ts';
import { EXIT } from './exit-codes.ts';
import { readInput } from './read-input.ts';
import { readTime } from './read-time.ts';
import { showSchedule } from './schedule-show.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';

/** A rule as it is given. */
export interface RuleOptions extends Globals {
  readonly cron?: string;
  readonly every?: string;
  readonly timezone?: string;
  readonly anchor?: string;
}

/** A schedule as it is given. */
export interface ScheduleSetOptions extends RuleOptions {
  readonly missed?: 'skip' | 'once' | 'all';
  readonly missedMax?: number;
  readonly overlap?: 'skip' | 'allow' | 'replace';
  readonly priority?: number;
  readonly claimWithin?: string;
  readonly tag?: readonly string[];
}

/** Runs the command: exit code 2 when it cannot be stored as asked. */
export async function scheduleSet(
  options: ScheduleSetOptions,
  name: string,
  type: string,
  input = '{}',
): Promise<number> {
  const screen = openScreen(options.output);
  const { missed, missedMax, overlap, priority, claimWithin, tag } = options;
  const settings = given({ missed, missedMax, overlap, priority, claimWithin, tags: tag });
  const spec: ScheduleOfType = {
    ...settings,
    ...ruleGiven(options),
    type,
    input: readInput(input),
  };
  showSchedule(screen, await withUnstuck(options, (unstuck) => unstuck.schedules.set(name, spec)));
  return EXIT.ok;
}

/** The rule that the flags say, as far as they say one. */
export function ruleGiven({ cron, every, timezone, anchor }: RuleOptions): ScheduleRule {
  return given({ cron, every, timezone, anchor: readTime(anchor, '--anchor') });
}

function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as never;
}
