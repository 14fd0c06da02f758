/** Settle rows: the ends of attempts in the form in which the statements read them. */
import { jsonColumn, plainColumn, textColumn } from '../storage/columns.ts';
import { codeOf } from '../storage/postgres-errors.ts';
import type { Defer, Finish } from './decide.ts';
import type { AttemptRef } from './lifeline-messages.ts';

/** The end of one attempt, as it is written. */
export type EndRow = AttemptRef & {
  readonly [Field in 'state' | 'reason' | 'outcome' | 'result' | 'error']?:
    | Finish[Field]
    | undefined;
};

/** The ends of attempts in the order of `finishCtes`, behind the worker. What most ends do not have costs nothing. */
export function endColumns(ends: readonly EndRow[]): (string | null)[] {
  return [
    `{${ends.map((end) => end.id).join(',')}}`,
    plainColumn(ends, (end) => (end.token === '1' ? undefined : end.token)),
    plainColumn(ends, (end) => (end.state === 'completed' ? undefined : end.state)),
    textColumn(ends, (end) => end.reason),
    plainColumn(ends, (end) => end.outcome),
    jsonColumn(ends, (end) => (end.result === 'null' ? undefined : end.result)),
    jsonColumn(ends, (end) => end.error && JSON.stringify(end.error)),
  ];
}

/** The row that `deferJobs` reads; `trace`: the traceparent of the attempt, while somebody traces. */
export function deferRow(
  { id, token }: AttemptRef,
  decision: Defer,
  trace?: string,
): Record<string, unknown> {
  return {
    id,
    token,
    gate: decision.gate,
    delay_ms: decision.delayMs === null ? null : Math.round(decision.delayMs),
    charged: decision.charged,
    keeps_place: decision.keepsPlace ?? false,
    outcome: decision.outcome,
    error: decision.error,
    trace,
  };
}

/** The end of a job about which PostgreSQL refuses to store more. */
export function leastEnd(error: unknown): Finish {
  const message = `PostgreSQL refused to store the end of this job three times (${codeOf(error)}).`;
  return {
    kind: 'finish',
    state: 'failed',
    error: { code: 'FINISH_REFUSED', name: 'UnstuckError', message },
    outcome: null,
  };
}
