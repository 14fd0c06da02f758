/** Settle rows: the ends of attempts in the form in which the statements read them. */
import { codeOf } from '../storage/postgres-errors.ts';
import type { Defer, Finish } from './decide.ts';
import type { AttemptRef } from './lifeline-messages.ts';

/** The JSON object that `finishCtes` reads; the result is JSON text already. */
export function finishJson({ id, token }: AttemptRef, decision: Finish): string {
  const head = `{"id":"${id}","token":"${token}","state":"${decision.state}"`;
  const result = decision.result === undefined ? '' : `,"result":${decision.result}`;
  if (decision.state === 'completed') return `${head}${result}}`;
  const rest = JSON.stringify({
    error: decision.error,
    reason: decision.reason,
    outcome: decision.outcome,
  });
  return `${head}${result}${rest === '{}' ? '' : `,${rest.slice(1, -1)}`}}`;
}

/** The row that `deferJobs` reads. */
export function deferRow({ id, token }: AttemptRef, decision: Defer): Record<string, unknown> {
  return {
    id,
    token,
    gate: decision.gate,
    delay_ms: Math.round(decision.delayMs),
    charged: decision.charged,
    outcome: decision.outcome,
    error: decision.error,
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
