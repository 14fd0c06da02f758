/** Pull: what a worker that claims over HTTP may ask for and is told. */
import { type Duration, parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { checkType } from './define-job.ts';
import { unstuckError } from './errors.ts';
import { parseJobId } from './job-id.ts';
import { refuseUnknown } from './known-options.ts';
import { isStorableText } from './payload.ts';

/** An attempt, as its worker names it. */
export interface PulledFence {
  readonly id: string;
  /** The fencing token that came with the job. */
  readonly token: string;
}

/** What a worker asks for when it claims. */
export interface PullOptions {
  /** What it handles, 1 to 100 types; the names of types that are paused are passed over. */
  readonly types: readonly string[];
  /** How many jobs it takes now: 1 (default) to 100. */
  readonly max?: number | undefined;
  /** How long it waits for a first job: 0 (default) to 25 s. */
  readonly wait?: Duration | undefined;
  /** What people see it as, 1 to 200 characters. Default: its id. */
  readonly name?: string | undefined;
  /** How long it may be silent before its jobs run elsewhere: 5 s to 1 h, default 30 s. */
  readonly lease?: Duration | undefined;
  /** What it runs, at most 1,000 attempts. What it was given more than 10 s ago and does not name goes back: the answer was lost on its way. */
  readonly holding?: readonly PulledFence[] | undefined;
}

/** The parsed form. */
export interface PullConfig {
  readonly types: readonly string[];
  readonly max: number;
  readonly waitMs: number;
  readonly name: string;
  readonly leaseMs: number;
  readonly holding: readonly PulledFence[] | undefined;
}

/** A job that was handed to a worker. */
export interface PulledJob {
  readonly id: string;
  readonly token: string;
  readonly type: string;
  readonly input: unknown;
  /** 1 for the first; attempts that were lost with their worker are not counted. */
  readonly attempt: number;
  readonly attemptsMax: number;
  /** How often the job was lost with its worker. */
  readonly crashes: number;
  readonly tags: readonly string[];
  /** What an earlier attempt reported, from 0 to 1. */
  readonly progress: number | null;
  readonly progressNote: string | null;
  /** Where it was enqueued, as W3C Trace Context; null when nobody traced it. */
  readonly traceparent: string | null;
  /** The end of its timeout: then the attempt is over, whatever its worker says. */
  readonly expiresAt: Date;
}

/** Why an attempt is no longer its worker's. */
export type PullStop = 'cancelled' | 'timed-out' | 'lost' | 'ended';

/** What a worker hears when it says that it still runs a job. */
export interface PullBeat {
  /** False: stop, nothing that is still sent of this attempt is accepted. */
  readonly continue: boolean;
  readonly reason: PullStop | null;
  readonly expiresAt: Date | null;
}

/** What a worker says of an attempt that failed. */
export interface PullFailure {
  readonly error: {
    readonly message: string;
    /** Default `HANDLER_FAILED`. */
    readonly code?: string | undefined;
    /** Default `Error`. */
    readonly name?: string | undefined;
    readonly stack?: string | undefined;
  };
  /** False: the job fails at once, whatever attempts remain. Default true. */
  readonly retry?: boolean | undefined;
  /** The delay before the next attempt, at most 10 years, instead of that of the type. */
  readonly retryAfter?: Duration | undefined;
}

const KNOWN = ['types', 'max', 'wait', 'name', 'lease', 'holding'] as const;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Returns the id of a worker in its canonical form. Throws REQUEST_INVALID when it is not a UUID. */
export function parseWorkerId(value: unknown): string {
  const id = typeof value === 'string' ? value.toLowerCase() : '';
  demand(UUID.test(id), 'the id of a worker to be a UUID that it made when it started', value);
  return id;
}

/** Checks what a worker asks for. Throws REQUEST_INVALID, OPTION_UNKNOWN, OPTION_INVALID, JOB_TYPE_INVALID or JOB_ID_INVALID. */
export function parsePull(id: string, options: PullOptions): PullConfig {
  refuseUnknown(options, KNOWN, 'a claim');
  const { types, max = 1, wait = 0, name = id, lease = 30_000, holding } = options;
  demand(Array.isArray(types) && types.length > 0 && types.length <= 100, '1 to 100 types', types);
  for (const type of types) checkType(type);
  demand(Number.isInteger(max) && max >= 1 && max <= 100, 'max to be from 1 to 100', max);
  demand(
    typeof name === 'string' && name.length > 0 && name.length <= 200 && isStorableText(name),
    'name to be 1 to 200 characters',
    name,
  );
  return {
    types: [...new Set(types)],
    max,
    waitMs: within(wait, 0, 25_000, 'wait to be from 0 to 25s'),
    name,
    leaseMs: within(lease, 5_000, 3_600_000, 'lease to be from 5s to 1h'),
    holding: parseHolding(holding),
  };
}

/** Checks the fence of an attempt. Throws JOB_ID_INVALID or REQUEST_INVALID. */
export function parseFence({ id, token }: PulledFence): PulledFence {
  demand(
    typeof token === 'string' && /^\d{1,18}$/.test(token),
    'the token that came with the job',
    token,
  );
  return { id: parseJobId(id), token };
}

function parseHolding(holding: PullOptions['holding']): PullConfig['holding'] {
  if (holding === undefined) return undefined;
  const good = Array.isArray(holding) && holding.length <= 1_000;
  demand(good, 'holding to be a list of at most 1,000 attempts', holding);
  return holding.map(parseFence);
}

function within(value: Duration, leastMs: number, mostMs: number, wanted: string): number {
  const ms = parseDuration(value);
  demand(ms !== undefined && ms >= leastMs && ms <= mostMs, wanted, value);
  return ms as number;
}

function demand(good: boolean, wanted: string, got: unknown): void {
  if (!good)
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected ${wanted}, got ${shown(got)}. Nothing was changed.`,
    );
}
