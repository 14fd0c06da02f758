/** Runs a handler by itself, without a database: for unit tests of what it does. */
import type { JobDefinition, RunningJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import { lineLog } from '../domain/log.ts';
import { providersOf } from '../domain/providers.ts';

/** What the handler sees beside its input; everything has a default of a first attempt. */
export type HandlerCall = Partial<Omit<RunningJob, 'input'>>;

/**
 * Checks the input against the schema of the type, calls the handler once, and returns what it returns; what it throws (Fail,
 * Snooze, an error) is thrown. `job.transaction` needs one of yours in `call`. Throws INPUT_INVALID.
 */
export async function runHandler<Input, Parsed, Result>(
  definition: JobDefinition<Input, Parsed, Result>,
  input: Input,
  call: HandlerCall = {},
): Promise<Result> {
  const checked = await definition.schema['~standard'].validate(input);
  if (checked.issues !== undefined) {
    const issues = checked.issues.map((issue) => issue.message).join('; ');
    throw unstuckError(
      'INPUT_INVALID',
      `The input of a "${definition.type}" job does not fit its schema: ${issues}.`,
    );
  }
  return definition.run({
    ...firstAttempt(definition.type, definition.retry.attemptsMax),
    provider: definition.providers && providersOf(definition.providers, input, definition.type)[0],
    ...call,
    input: checked.value as Parsed,
  });
}

function firstAttempt(type: string, attemptsMax: number): Omit<RunningJob, 'input'> {
  const id = '00000000-0000-7000-8000-000000000000';
  return {
    id,
    type,
    attempt: 1,
    attemptsMax,
    crashes: 0,
    provider: undefined,
    token: '1',
    idempotencyKey: id,
    signal: new AbortController().signal,
    log: lineLog('silent', () => undefined),
    heartbeat: { confirmedMsAgo: 0, held: true },
    progress: () => undefined,
    transaction: () =>
      Promise.reject(
        unstuckError(
          'OPTION_INVALID',
          'Expected `transaction` in the third argument of runHandler, because the handler uses it.',
        ),
      ),
  };
}
