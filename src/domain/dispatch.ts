/** Dispatch: what is sent to a target, what its answer means, and which target is next; pure. */
import { readRetryAfter } from '../std/retry-after.ts';
import { shown } from '../std/shown.ts';
import type { RemoteDefinition } from './define-target.ts';
import { readObject } from './json.ts';
import { toStorableText } from './payload.ts';

/** What a target is sent of an attempt. */
export interface DispatchedJob {
  readonly id: string;
  readonly token: string;
  readonly type: string;
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly input: unknown;
}

/** Where and with what a target calls back. */
export interface Callback {
  readonly url: string;
  readonly secret: string;
}

/** How the answer to a request came, as far as its meaning depends on it. */
export type Arrived =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly retryAfter: string | undefined;
    }
  | {
      readonly kind: 'failed';
      readonly phase: 'refused' | 'connect' | 'answer';
      readonly code: string;
      readonly message: string;
    };

/** What is told of a failure. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What the answer of a target means for the attempt. */
export type Verdict =
  | { readonly kind: 'completed'; readonly result: unknown }
  | {
      readonly kind: 'failed';
      readonly error: { readonly message: string; readonly code?: string; readonly name?: string };
      readonly retry: boolean;
    }
  /** It works on the job, or says that it still does. */
  | {
      readonly kind: 'accepted';
      readonly progress: number | undefined;
      readonly note: string | undefined;
    }
  /** It answers a question about a job that it does not know. */
  | { readonly kind: 'unknown' }
  /** It takes none now, and says when it does. */
  | { readonly kind: 'busy'; readonly waitMs: number; readonly failure: Failure }
  /** There was no connection to it: it has certainly not got the job. */
  | { readonly kind: 'unreachable'; readonly failure: Failure }
  /** It may have got the job: no answer, one that is not its own, or that of what stands before it. */
  | { readonly kind: 'unclear'; readonly failure: Failure };

/** Without a `Retry-After` whoever is busy is asked again after this; and with one after an hour at most. */
const BUSY_MS = 5_000;
const BUSY_MAX_MS = 3_600_000;
const TEXT_MAX = 1_000;
/** Answers that another attempt with the same input would get again. */
const REJECTED: readonly number[] = [400, 413, 415, 422];

/** The body of the request for an attempt. */
export function dispatchBody(job: DispatchedJob, callback: Callback | undefined): string {
  return JSON.stringify({
    id: job.id,
    token: job.token,
    type: job.type,
    attempt: job.attempt,
    attempts_max: job.attemptsMax,
    input: job.input,
    callback:
      callback === undefined
        ? null
        : { url: callback.url, authorization: `Bearer ${callback.secret}` },
  });
}

/** What an answer means; `fence` must be echoed by it. `asked`: it is about a job that was sent before. */
export function judge(
  arrived: Arrived,
  fence: { readonly id: string; readonly token: string },
  asked: boolean,
  nowMs: number,
): Verdict {
  if (arrived.kind === 'failed') return judgeFailed(arrived);
  const { status } = arrived;
  if (status === 429 || (status === 503 && arrived.retryAfter !== undefined))
    return {
      kind: 'busy',
      waitMs: waitOf(arrived.retryAfter, nowMs),
      failure: httpFailure(status),
    };
  if (asked && (status === 404 || status === 410)) return { kind: 'unknown' };
  const told = status >= 200 && status < 300 ? readTold(arrived.body, fence) : undefined;
  if (told !== undefined) return told;
  if (status >= 200 && status < 300)
    return {
      kind: 'unclear',
      failure: {
        code: 'TARGET_ANSWER_INVALID',
        message: `Expected JSON with the id, the token and a status of the job, got HTTP ${status} with ${shown(arrived.body.slice(0, 100))}.`,
      },
    };
  if (!asked && REJECTED.includes(status)) return rejected(status, arrived.body);
  return { kind: 'unclear', failure: httpFailure(status) };
}

/** The targets that can take a job now, in the order in which they are tried; `turn` counts the jobs that were sent. */
export function inTurn<T extends { readonly name: string; readonly usable: boolean }>(
  { names, pick }: RemoteDefinition,
  rows: readonly T[],
  turn: number,
): T[] {
  const start = pick === 'round-robin' ? turn % names.length : 0;
  const order = [...names.slice(start), ...names.slice(0, start)];
  return order.flatMap((name) => rows.find((row) => row.name === name && row.usable) ?? []);
}

function judgeFailed({
  phase,
  code,
  message,
}: Extract<Arrived, { readonly kind: 'failed' }>): Verdict {
  const failure = { code, message };
  if (phase === 'answer') return { kind: 'unclear', failure };
  return { kind: 'unreachable', failure };
}

function httpFailure(status: number): Failure {
  const hint =
    status === 401 || status === 403
      ? ': it does not accept the signature; compare the secret, and its clock with ours'
      : '';
  return { code: `HTTP_${status}`, message: `It answered HTTP ${status}${hint}.` };
}

function rejected(status: number, body: string): Verdict {
  const text = toStorableText(body.slice(0, TEXT_MAX));
  return {
    kind: 'failed',
    retry: false,
    error: { code: 'TARGET_REJECTED', message: `It refused the job with HTTP ${status}: ${text}` },
  };
}

function readTold(body: string, fence: { id: string; token: string }): Verdict | undefined {
  const told = readObject(body);
  if (told === undefined) return undefined;
  const { id, token, status, result = null, error, retry, progress, note } = told;
  const isEcho = typeof token === 'string' || typeof token === 'number';
  if (!isEcho || id !== fence.id || String(token) !== fence.token) return undefined;
  if (status === 'completed') return { kind: 'completed', result };
  if (status === 'accepted' || status === 'running')
    return {
      kind: 'accepted',
      progress: typeof progress === 'number' ? progress : undefined,
      note: typeof note === 'string' ? note : undefined,
    };
  if (status === 'unknown') return { kind: 'unknown' };
  if (status !== 'failed') return undefined;
  return { kind: 'failed', error: errorOf(error), retry: retry !== false };
}

/** Whatever a target says of its error becomes one that can be stored. */
function errorOf(error: unknown): { message: string; code?: string; name?: string } {
  const given = (
    typeof error === 'object' && error !== null ? error : { message: error }
  ) as Record<string, unknown>;
  const text = (value: unknown): string | undefined =>
    typeof value === 'string' && value !== ''
      ? toStorableText(value.slice(0, TEXT_MAX))
      : undefined;
  const [code, name] = [text(given['code']), text(given['name'])];
  return {
    message: text(given['message']) ?? 'The target said that the job failed, and not why.',
    ...(code === undefined ? {} : { code }),
    ...(name === undefined ? {} : { name }),
  };
}

function waitOf(value: string | undefined, nowMs: number): number {
  const ms = readRetryAfter(value, nowMs);
  return ms === undefined ? BUSY_MS : Math.min(BUSY_MAX_MS, Math.max(1_000, ms));
}
