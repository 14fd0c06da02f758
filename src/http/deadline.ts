/** Deadline: no request waits for ever, neither for its body nor for its answer. */
import { unstuckError } from '../domain/errors.ts';

/** Settles as `body` does, or throws REQUEST_TIMEOUT after so many milliseconds. */
export function arrivesWithin<T>(body: Promise<T>, ms: number): Promise<T> {
  return within(body, ms, () =>
    unstuckError(
      'REQUEST_TIMEOUT',
      `Expected the whole body within ${ms} ms, got a part of it. Nothing was changed.`,
    ),
  );
}

/** Settles as `answer` does, or throws QUERY_TIMEOUT after so many milliseconds; what it was about goes on, bounded by the timeouts of its statements. */
export function answeredWithin<T>(answer: Promise<T>, ms: number): Promise<T> {
  return within(answer, ms, () =>
    unstuckError('QUERY_TIMEOUT', `Expected an answer within ${ms} ms, got none.`),
  );
}

async function within<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}
