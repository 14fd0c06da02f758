/** Receive trace: the span of a claim that brought jobs. */
import type { Tracer } from '@opentelemetry/api';
import type { ClaimRow } from '../sql/claim.ts';
import {
  api,
  enqueuedBy,
  messagingAttributes,
  onlyType,
  quietly,
  type Traces,
  tracerOf,
} from './tracing.ts';

/** Writes the `receive` span of a claim that took `tookMs` and has just ended; none for a claim that brought nothing. */
export function traceReceive(
  config: Traces,
  workerId: string,
  jobs: readonly ClaimRow[],
  tookMs: number,
): void {
  if (jobs.length === 0) return;
  const tracer = tracerOf(config);
  if (tracer !== undefined) quietly(() => writeReceive(tracer, workerId, jobs, tookMs));
}

function writeReceive(
  tracer: Tracer,
  workerId: string,
  jobs: readonly ClaimRow[],
  tookMs: number,
): void {
  const type = onlyType(jobs);
  const now = Date.now();
  const span = tracer.startSpan(
    type === undefined ? 'receive' : `receive ${type}`,
    {
      kind: api().SpanKind.CLIENT,
      startTime: now - tookMs,
      links: enqueuedBy(jobs),
      attributes: {
        ...messagingAttributes('receive', type),
        'messaging.client.id': workerId,
        'messaging.batch.message_count': jobs.length,
      },
    },
    api().ROOT_CONTEXT,
  );
  span.end(now);
}
