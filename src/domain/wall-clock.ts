/** Wall clock: what a clock on a wall of a time zone shows at an instant, and the other instant at which it shows the same. */

const DAY_MS = 86_400_000;
const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** Tells whether this names a time zone that this process knows. */
export function isTimezone(timezone: unknown): timezone is string {
  if (typeof timezone !== 'string') return false;
  try {
    formatOf(timezone);
    return true;
  } catch {
    return false;
  }
}

/** Returns what the wall clock shows at an instant, as the ms since 1970 of a clock in UTC that shows the same. Throws RangeError for no time zone. */
export function wallMs(timezone: string, atMs: number): number {
  const shown: Record<string, number> = {};
  for (const { type, value } of formatOf(timezone).formatToParts(atMs)) shown[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second, ((atMs % 1_000) + 1_000) % 1_000);
}

/** Writes an instant as RFC 3339 in its time zone: `2026-10-25T02:30:00+02:00`. */
export function localTime(timezone: string, atMs: number): string {
  const wall = wallMs(timezone, atMs);
  const minutes = Math.round((wall - atMs) / 60_000);
  const text = new Date(wall).toISOString().replace(/(?:\.000)?Z$/, '');
  if (minutes === 0) return `${text}Z`;
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${text}${minutes < 0 ? '-' : '+'}${twoDigits(hours)}:${twoDigits(rest)}`;
}

/** Tells whether the wall clock shows the same at another instant, because it is set back between them. */
export function occursTwice(timezone: string, atMs: number): boolean {
  const wall = wallMs(timezone, atMs);
  return [atMs - DAY_MS, atMs + DAY_MS].some((near) => {
    const otherMs = wall - (wallMs(timezone, near) - near);
    return otherMs !== atMs && wallMs(timezone, otherMs) === wall;
  });
}

/** Making a format takes longer than all of its uses: there is one for each time zone. */
function formatOf(timezone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(timezone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  FORMATS.set(timezone, made);
  return made;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
