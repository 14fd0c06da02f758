/** Attempt trace: the spans of one attempt, of its handler and of the write of its end. */
import type { Attributes, Context, Link, Span, Tracer } from '@opentelemetry/api';
import type { AnyJob } from '../domain/define-job.ts';
import { readTrace, type StoredTrace } from '../domain/trace.ts';
import type { ClaimRow } from '../sql/claim.ts';
import type { Decision } from './decide.ts';
import {
  api,
  carrierOf,
  messagingAttributes,
  quietly,
  remoteContext,
  type Traces,
  tracerOf,
} from './tracing.ts';

/** Begins the trace of an attempt; undefined when nobody traces. */
export function traceAttempt(
  config: Traces,
  workerId: string,
  row: ClaimRow,
  definition: AnyJob,
): AttemptTrace | undefined {
  const tracer = tracerOf(config);
  if (tracer === undefined) return undefined;
  return quietly(() => new AttemptTrace(tracer, config.traces, workerId, row, definition));
}

/**
 * The `process` span of an attempt and the `settle` span below it. By default the attempt is a trace of its own with a link to whoever enqueued
 * the job: jobs wait, retry and come in batches, and as children they would make traces that last for days.
 */
export class AttemptTrace {
  #tracer: Tracer;
  #span: Span;
  #context: Context;
  #type: string;
  #settle: Span | undefined;

  constructor(
    tracer: Tracer,
    mode: Traces['traces'],
    workerId: string,
    row: ClaimRow,
    definition: AnyJob,
  ) {
    const { ROOT_CONTEXT, SpanKind, trace } = api();
    const stored = readTrace(row.trace);
    const enqueue = remoteContext(stored.traceparent, stored.tracestate);
    const before = remoteContext(stored.attempt);
    const isChild = mode === 'child' && enqueue !== undefined;
    const links: Link[] = [];
    if (enqueue !== undefined && !isChild)
      links.push({ context: enqueue, attributes: { 'unstuck.link': 'enqueue' } });
    if (before !== undefined)
      links.push({ context: before, attributes: { 'unstuck.link': 'previous-attempt' } });
    const parent = isChild ? trace.setSpanContext(ROOT_CONTEXT, enqueue) : ROOT_CONTEXT;
    const attributes = attributesOf(workerId, row, definition);
    this.#tracer = tracer;
    this.#type = row.type;
    this.#span = tracer.startSpan(
      `process ${row.type}`,
      { kind: SpanKind.CONSUMER, links, attributes },
      parent,
    );
    this.#context = trace.setSpan(parent, this.#span);
  }

  /** What a process that runs the handler is told of it. */
  get carrier(): StoredTrace {
    return carrierOf(this.#span.spanContext());
  }

  /** The trace to look for. */
  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  /** Runs the handler: what it enqueues and asks of others belongs to this attempt. */
  run<T>(fn: () => T): T {
    return api().context.with(this.#context, fn);
  }

  /** The handler has ended or was left behind; `cause` says why nothing is written. The end is written next. */
  end(decision: Decision | 'settled' | 'dropped', cause: string | undefined): void {
    quietly(() => this.#endProcess(decision, cause));
  }

  /** The end was written, or refused because the attempt was another's by then. */
  settled(how: 'accepted' | 'refused'): void {
    quietly(() => this.#endSettle(how));
  }

  #endProcess(decision: Decision | 'settled' | 'dropped', cause: string | undefined): void {
    const outcome = outcomeOf(decision, cause);
    this.#span.setAttribute('unstuck.job.outcome', outcome);
    if (typeof decision === 'object') this.#fail(decision);
    else if (decision === 'dropped' && cause !== 'cancelled' && cause !== 'handed-over')
      this.#setError('StaleAttemptError', 'The attempt had lost its lease.');
    this.#span.end();
    if (typeof decision !== 'object') return;
    const attributes = {
      ...messagingAttributes('settle', this.#type),
      'unstuck.job.outcome': outcome,
    };
    const options = { kind: api().SpanKind.CLIENT, attributes };
    this.#settle = this.#tracer.startSpan(`settle ${this.#type}`, options, this.#context);
  }

  #endSettle(how: 'accepted' | 'refused'): void {
    if (how === 'refused')
      this.#settle?.setAttribute('error.type', 'StaleAttemptError').setStatus({
        code: api().SpanStatusCode.ERROR,
        message: 'The attempt had lost its lease.',
      });
    this.#settle?.end();
    this.#settle = undefined;
  }

  #fail({ error }: Decision): void {
    if (error === undefined) return;
    const { name, message, stack } = error;
    this.#span.recordException({ name, message, ...(stack === undefined ? {} : { stack }) });
    this.#setError(name, message);
  }

  #setError(type: string, message: string): void {
    this.#span.setAttribute('error.type', type);
    this.#span.setStatus({ code: api().SpanStatusCode.ERROR, message });
  }
}

function attributesOf(workerId: string, row: ClaimRow, { queue }: AnyJob): Attributes {
  const parent = row.links?.[0];
  return {
    ...messagingAttributes('process', row.type),
    'messaging.message.id': row.id,
    'messaging.client.id': workerId,
    ...(typeof parent === 'string' ? { 'messaging.message.conversation_id': parent } : {}),
    'unstuck.queue': queue,
    'unstuck.job.attempt': row.attempt,
    'unstuck.job.attempts_max': row.attempts_max,
    'unstuck.job.priority': 0 - row.rank,
  };
}

/** What became of the attempt, in the words of `attempts.outcome` and of the states. */
function outcomeOf(decision: Decision | 'settled' | 'dropped', cause: string | undefined): string {
  if (decision === 'settled') return 'completed';
  if (decision === 'dropped') return cause === 'cancelled' ? 'cancelled' : 'lost';
  if (decision.outcome === 'failed' && decision.kind === 'defer') return 'retried';
  return decision.outcome ?? (decision.kind === 'finish' ? decision.state : 'awaits-executions');
}
