/** Nominal times: the instants that the rule of a schedule names. Pure, and bounded whatever the rule. */
import { Cron } from 'croner';
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { isTimezone, localTime, occursTwice, wallMs } from './wall-clock.ts';

/** When a schedule fires: at the times of a cron expression in a time zone, or every so many ms counted from an anchor. */
export type Rule =
  | { readonly cron: string; readonly timezone: string }
  | { readonly everyMs: number; readonly anchorMs: number; readonly timezone: string };

/** One of the next runs. */
export interface NominalTime {
  readonly at: Date;
  /** The same instant in the time zone of the schedule, RFC 3339. */
  readonly local: string;
  /**
   * `gap`: clocks were put forward over local times of this rule since the run before; what names fixed times runs at the end of the gap, what
   * repeats leaves them out. `overlap`: clocks are put back and this local time comes twice; what names fixed times runs at the first one only.
   */
  readonly note: 'gap' | 'overlap' | null;
}

/** Five fields, six with seconds, or a nickname. A date alone is no rule: it would have no next time. */
const CRON = /^(?:@[a-z]+|\S+(?:\s+\S+){4,5})$/i;

/** So many times are looked at one by one before they are counted from the end. */
const STEPS = 16;

/** Returns the first nominal time after an instant (ms since 1970). Throws SCHEDULE_INVALID when the rule is none, or names no time to come. */
export function nextAfter(rule: Rule, afterMs: number): number {
  if ('everyMs' in rule) {
    const { everyMs, anchorMs } = rule;
    return anchorMs + (Math.floor((afterMs - anchorMs) / everyMs) + 1) * everyMs;
  }
  return nextOf(cronOf(rule.cron, rule.timezone), rule.cron, afterMs);
}

/** Returns the nominal times from one instant to another, both included, oldest first; of more than `max` the latest. */
export function timesWithin(rule: Rule, fromMs: number, toMs: number, max: number): number[] {
  if (fromMs > toMs) return [];
  if ('everyMs' in rule) return stepsWithin(rule, fromMs, toMs, max);
  const cron = cronOf(rule.cron, rule.timezone);
  const times: number[] = [];
  // The rule names whole seconds.
  for (let at = fromMs - 1; times.length <= STEPS && times.length <= max; times.push(at)) {
    at = nextOf(cron, rule.cron, at);
    if (at > toMs) return times;
  }
  return cron
    .previousRuns(max, new Date(toMs + 1))
    .map((run) => run.getTime())
    .filter((at) => at >= fromMs && at <= toMs)
    .toReversed();
}

/** Returns the next nominal times after an instant, each with what the time zone's clocks do to it. Throws SCHEDULE_INVALID. */
export function preview(rule: Rule, fromMs: number, count: number): NominalTime[] {
  checkTimezone(rule.timezone);
  const times: NominalTime[] = [];
  for (let before = fromMs; times.length < count; ) {
    const at = nextAfter(rule, before);
    times.push({
      at: new Date(at),
      local: localTime(rule.timezone, at),
      note: noteOf(rule, before, at),
    });
    before = at;
  }
  return times;
}

function stepsWithin(
  { everyMs, anchorMs }: Extract<Rule, { everyMs: number }>,
  fromMs: number,
  toMs: number,
  max: number,
): number[] {
  const first = Math.ceil((fromMs - anchorMs) / everyMs);
  const last = Math.floor((toMs - anchorMs) / everyMs);
  const count = Math.min(max, last - first + 1);
  return Array.from(
    { length: Math.max(0, count) },
    (_, index) => anchorMs + (last - count + 1 + index) * everyMs,
  );
}

function noteOf(rule: Rule, beforeMs: number, atMs: number): NominalTime['note'] {
  if ('everyMs' in rule) return null;
  const { cron, timezone } = rule;
  // The same rule on a clock that is never put forward or back: a time that it has in between does not exist in the time zone.
  const steady = cronOf(cron, 'UTC').nextRun(new Date(wallMs(timezone, beforeMs)));
  if (steady !== null && steady.getTime() < wallMs(timezone, atMs)) return 'gap';
  return occursTwice(timezone, atMs) ? 'overlap' : null;
}

function cronOf(cron: string, timezone: string): Cron {
  checkTimezone(timezone);
  if (typeof cron !== 'string' || !CRON.test(cron.trim()) || cron.length > 500)
    throw invalid(cron, 'it has neither five fields nor six');
  try {
    return new Cron(cron.trim(), { timezone, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' });
  } catch (cause) {
    throw invalid(cron, (cause as Error).message, cause);
  }
}

function checkTimezone(timezone: unknown): void {
  if (isTimezone(timezone)) return;
  throw unstuckError(
    'SCHEDULE_INVALID',
    `Expected timezone to be a time zone such as 'Europe/Berlin' or 'UTC', got ${shown(timezone)}.`,
  );
}

/** The search is bounded: a rule that no date fits is known as such within milliseconds (K6). */
function nextOf(cron: Cron, text: string, afterMs: number): number {
  const next = cron.nextRun(new Date(afterMs))?.getTime();
  if (next === undefined) throw invalid(text, 'no date to come fits it');
  if (next > afterMs) return next;
  throw invalid(text, `after ${new Date(afterMs).toISOString()} it names an earlier time`);
}

function invalid(cron: unknown, why: string, cause?: unknown): Error {
  return unstuckError(
    'SCHEDULE_INVALID',
    `Expected cron to be an expression such as '30 2 * * *' (minute, hour, day, month, weekday; seconds may stand before them), got ${shown(cron)}: ${why.replace(/\.$/, '')}.`,
    cause === undefined ? {} : { cause },
  );
}
