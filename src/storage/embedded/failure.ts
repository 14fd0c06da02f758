/** The one error for everything that keeps an embedded server from running. */
import { type UnstuckError, unstuckError } from '../../domain/errors.ts';

/** Makes EMBEDDED_POSTGRES_FAILED with what was expected, what came and what to do. */
export function failure(
  message: string,
  detail: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): UnstuckError {
  return unstuckError('EMBEDDED_POSTGRES_FAILED', message, { detail, cause });
}

/** The `code` of a system error (`ENOENT`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
