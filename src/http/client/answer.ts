/** Answer: what a server said as a value, or as the error that it means. */
import { ERRORS, type ErrorCode, RemoteError } from '../../domain/errors.ts';
import type { Problem } from './generated/shapes.ts';

/** Resolves with the body of a good answer, undefined when it has none; rejects with the error of any other. */
export async function readAnswer(answer: Response, url: string): Promise<unknown> {
  const type = answer.headers.get('content-type') ?? '';
  const text = await answer.text();
  if (answer.ok) {
    if (answer.status === 204) return undefined;
    return type.startsWith('application/json') ? parsed(text, answer, url) : text;
  }
  if (!type.startsWith('application/problem+json')) throw foreign(answer, url);
  throw toError(parsed(text, answer, url) as Partial<Problem>, answer, url);
}

/** The error of a server that was not reached, with the reason. Never holds the headers of the request. */
export function unreachable(url: string, reason: unknown): RemoteError {
  return new RemoteError(
    'SERVER_UNREACHABLE',
    `Expected an Unstuck server at ${placeOf(url)}, got ${inWords(reason)}.`,
    {
      status: 503,
      hint: ERRORS.SERVER_UNREACHABLE.fix,
      ...(reason instanceof Error ? { cause: reason } : {}),
    },
  );
}

function toError(problem: Partial<Problem>, answer: Response, url: string): RemoteError {
  const { code, detail, hint = '', facts = {}, errors, request_id: requestId } = problem;
  if (typeof code !== 'string' || typeof detail !== 'string') return foreign(answer, url);
  const issues = errors?.map(({ pointer, detail: what }) =>
    pointer === '' ? what : `${pointer}: ${what}`,
  );
  return new RemoteError(code as ErrorCode, detail, {
    status: answer.status,
    hint,
    requestId,
    detail: { ...facts, ...(issues === undefined ? {} : { issues }) },
  });
}

/** A proxy, or a server of another kind. */
function foreign({ status, headers }: Response, url: string): RemoteError {
  const type = headers.get('content-type') ?? 'no content';
  return new RemoteError(
    'SERVER_UNREACHABLE',
    `Expected an Unstuck server at ${placeOf(url)}, got status ${status} with ${type.slice(0, 80)} from something else.`,
    { status, hint: ERRORS.SERVER_UNREACHABLE.fix },
  );
}

function parsed(text: string, answer: Response, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw foreign(answer, url);
  }
}

/** Without the query, which may be long. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.slice(0, 200)}`;
}

/** Node says `fetch failed`, and why in the cause, which may be a list. */
function inWords(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  const cause = reason.cause as (Error & { code?: string }) | undefined;
  return cause?.message || cause?.code || reason.message;
}
