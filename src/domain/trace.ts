/** Trace: where a job was enqueued and how its last attempt ran, in the words of W3C Trace Context, as its row keeps it. */

/** What the column `trace` holds; a hand may have written anything, so it is read by `readTrace`. */
export interface StoredTrace {
  /** The span that enqueued the job. */
  readonly traceparent?: string | undefined;
  /** What vendors hand on beside it, at most 512 characters. */
  readonly tracestate?: string | undefined;
  /** The traceparent of the last attempt that went back into the queue. */
  readonly attempt?: string | undefined;
}

/** The parts of a traceparent. */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 1: the trace is recorded. */
  readonly flags: number;
}

/** The longest tracestate that is kept, in characters: the least that W3C asks to hand on. */
export const TRACESTATE_MAX = 512;

const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const PRINTABLE = /^[\x20-\x7e]+$/;

/** Reads a traceparent; undefined for anything that is none. */
export function readTraceparent(given: unknown): TraceParent | undefined {
  if (typeof given !== 'string') return undefined;
  const [, traceId, spanId, flags] = TRACEPARENT.exec(given) ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags as string, 16) };
}

/** Writes a traceparent. */
export function traceparentOf({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${(flags % 256).toString(16).padStart(2, '0')}`;
}

/** A tracestate that may be kept and handed on; undefined for anything else. */
export function readTracestate(given: unknown): string | undefined {
  const keeps =
    typeof given === 'string' && given.length <= TRACESTATE_MAX && PRINTABLE.test(given);
  return keeps ? given : undefined;
}

/** Reads what a row holds: what is malformed is left out, so that it never fails an attempt. */
export function readTrace(stored: unknown): StoredTrace {
  if (typeof stored !== 'object' || stored === null) return {};
  const { traceparent, tracestate, attempt } = stored as Record<string, unknown>;
  return {
    traceparent: valid(traceparent),
    tracestate: readTracestate(tracestate),
    attempt: valid(attempt),
  };
}

function valid(given: unknown): string | undefined {
  return readTraceparent(given) === undefined ? undefined : (given as string);
}
