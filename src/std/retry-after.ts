/** Retry-After: how long an answer over HTTP asks to be left alone. */

/** Reads the header (RFC 9110 §10.2.3: seconds, or a date): milliseconds from now, 0 or more and without an upper bound; undefined when it says nothing that can be read. */
export function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
