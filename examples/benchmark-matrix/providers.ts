// Who measures a cell: this process, or one of two that stand for the providers one meets in practice.
import { setTimeout as wait } from 'node:timers/promises';
import { type Cell, type Measured, measure } from './measure.ts';

/** The providers: `here` measures, `refusing` answers 503 every time, `hanging` never answers (a cold start). */
export const PROVIDERS = ['here', 'refusing', 'hanging'] as const;

/** The name of a provider. */
export type ProviderName = (typeof PROVIDERS)[number];

/** Has a provider measure a cell. Rejects with the reason of the signal when that is aborted. */
export async function measureBy(
  provider: ProviderName,
  cell: Cell,
  signal: AbortSignal,
): Promise<Measured> {
  switch (provider) {
    case 'here':
      return measure(cell);
    case 'refusing':
      throw new RefusedError('503 Service Unavailable (rehearsed: this provider always refuses)');
    case 'hanging':
      await wait(3_600_000, undefined, { signal });
      throw new RefusedError('504 Gateway Timeout (after an hour)');
  }
}

/** A provider that answered, but did not do the work. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code = 'PROVIDER_REFUSED';
}
