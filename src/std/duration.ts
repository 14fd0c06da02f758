/** Durations: `'30s'` to milliseconds and back; the only place where units of time are parsed. */

/** A length of time: milliseconds as a number, or a text such as `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'7d'`. */
export type Duration = number | string;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Returns the milliseconds (whole, >= 0) that a duration means, or undefined when it is not one. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number')
    return Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(value.trim());
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN));
  return Number.isFinite(ms) ? ms : undefined;
}

/** Writes milliseconds as a person reads them: `850ms`, `12s`, `5m`, `3h 20m`, `2d 4h`. */
export function formatDuration(milliseconds: number): string {
  const ms = Math.round(Math.abs(milliseconds));
  if (ms < 1_000) return `${ms}ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return twoUnits(seconds, 60, 'm', 1, 's');
  if (seconds < 86_400) return twoUnits(seconds, 3_600, 'h', 60, 'm');
  return twoUnits(seconds, 86_400, 'd', 3_600, 'h');
}

function twoUnits(
  seconds: number,
  big: number,
  bigUnit: string,
  small: number,
  smallUnit: string,
): string {
  const rest = Math.floor((seconds % big) / small);
  const head = `${Math.floor(seconds / big)}${bigUnit}`;
  return rest === 0 ? head : `${head} ${rest}${smallUnit}`;
}
