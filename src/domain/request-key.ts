/** Request key: by what a repeat of a request is known, and what the first one was answered. */
import { shown } from '../std/shown.ts';
import { ERRORS, type ErrorCode, UnstuckError, unstuckError } from './errors.ts';
import type { Enqueued } from './job.ts';

/** Who sent a request, under which key, and a digest of what it asked. */
export interface RequestKey {
  /** Keys of different senders are apart. 1 to 1,000 characters. */
  readonly sender: string;
  /** 1 to 255 visible ASCII characters. */
  readonly key: string;
  /** The same for equal requests, for example a SHA-256. */
  readonly digest: string;
}

/** What became of one job of a request. */
export type RequestAnswer = Enqueued | UnstuckError;

/** What a request is answered. */
export interface AnsweredRequest {
  /** Whether an earlier request with the key had been answered, and this is what it was told. */
  readonly replayed: boolean;
  /** One for each job, in their order. */
  readonly answers: readonly RequestAnswer[];
}

/** Checks the key of a request. Throws REQUEST_INVALID. */
export function checkRequestKey(request: RequestKey): void {
  const { sender, key, digest } = request;
  if (typeof key !== 'string' || !/^[!-~]{1,255}$/.test(key))
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected the idempotency key to be 1 to 255 visible ASCII characters, got ${shown(key)}. Nothing was stored.`,
    );
  for (const value of [sender, digest])
    if (typeof value !== 'string' || value.length === 0 || value.length > 1_000)
      throw unstuckError(
        'REQUEST_INVALID',
        `Expected sender and digest to be texts of 1 to 1,000 characters, got ${shown(value)}.`,
      );
}

/** The answers of a request as JSON, in which they are remembered. */
export function toStoredAnswers(answers: readonly RequestAnswer[]): string {
  return JSON.stringify(
    answers.map((one) =>
      one instanceof UnstuckError
        ? { code: one.code, message: one.message, detail: one.detail }
        : one,
    ),
  );
}

/** Reads remembered answers. */
export function fromStoredAnswers(stored: unknown): RequestAnswer[] {
  const list = Array.isArray(stored) ? (stored as Record<string, unknown>[]) : [];
  return list.map((one) => {
    const { code, message, detail } = one;
    if (typeof code !== 'string') return one as unknown as Enqueued;
    const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL_ERROR';
    const facts = (detail ?? {}) as Record<string, unknown>;
    return unstuckError(known, String(message), { detail: facts });
  });
}
