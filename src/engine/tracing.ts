/** Tracing: finds the OpenTelemetry of the application, if it has any, and carries the contexts of spans through rows and processes. */
import { createRequire } from 'node:module';
import type * as OpenTelemetry from '@opentelemetry/api';
import type {
  Attributes,
  Link,
  ProxyTracerProvider,
  Span,
  SpanContext,
  Tracer,
} from '@opentelemetry/api';
import type { Config } from '../domain/options.ts';
import { toJobError } from '../domain/outcome.ts';
import {
  readTrace,
  readTraceparent,
  readTracestate,
  type StoredTrace,
  traceparentOf,
} from '../domain/trace.ts';
import { VERSION } from '../domain/version.ts';

/** The one option that spans depend on. */
export type Traces = Pick<Config, 'traces'>;

/** Where every copy of the API, and so an SDK that was registered through any of them, keeps what all of them share. */
const SHARED = Symbol.for('opentelemetry.js.api.1');

let loaded: typeof OpenTelemetry | undefined;

/** The API of OpenTelemetry; only for those who have a tracer. Loading it takes 20 ms, and nobody who does not trace pays for it. */
export function api(): typeof OpenTelemetry {
  loaded ??= createRequire(import.meta.url)('@opentelemetry/api') as typeof OpenTelemetry;
  return loaded;
}

/**
 * The tracer of the application. Undefined when it has registered none, which must cost a job nothing: the proxy that the API hands out
 * would make an empty span for each. Asked for each time, because an SDK may be registered late.
 */
export function tracerOf({ traces }: Traces): Tracer | undefined {
  if (traces === 'off' || !(SHARED in globalThis)) return undefined;
  const provider = api().trace.getTracerProvider();
  // Not `instanceof`: the application may have registered through another copy of the API.
  return 'getDelegateTracer' in provider
    ? (provider as ProxyTracerProvider).getDelegateTracer('unstuck', VERSION)
    : provider.getTracer('unstuck', VERSION);
}

/** Does something with spans. A sampler or processor of the application that throws must not fail a job: OpenTelemetry is told, and there is no span. */
export function quietly<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    api().diag.error('unstuck: a span failed', error);
    return undefined;
  }
}

/** The context of a span as a row keeps it. Baggage is left out: it may be about persons, and would be kept as long as the row. */
export function carrierOf({ traceId, spanId, traceFlags, traceState }: SpanContext): StoredTrace {
  const tracestate = readTracestate(traceState?.serialize());
  const traceparent = traceparentOf({ traceId, spanId, flags: traceFlags });
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}

/** The context of a span elsewhere, from what it handed on; undefined when that is malformed. */
export function remoteContext(traceparent: unknown, tracestate?: unknown): SpanContext | undefined {
  const parsed = readTraceparent(traceparent);
  if (parsed === undefined) return undefined;
  const { traceId, spanId, flags } = parsed;
  const state = readTracestate(tracestate);
  const remote = { traceId, spanId, traceFlags: flags, isRemote: true };
  return state === undefined ? remote : { ...remote, traceState: api().createTraceState(state) };
}

/** Runs `fn` as part of a span of another process; without OpenTelemetry, or without such a span, it only runs it. */
export function underRemote<T>(config: Traces, carrier: StoredTrace | undefined, fn: () => T): T {
  if (tracerOf(config) === undefined) return fn();
  const remote = remoteContext(carrier?.traceparent, carrier?.tracestate);
  if (remote === undefined) return fn();
  const { context, ROOT_CONTEXT, trace } = api();
  return context.with(trace.setSpanContext(ROOT_CONTEXT, remote), fn);
}

/** Ends a span that did not come to a good end, with the code of the error: its message may name a key. */
export function endFailed(span: Span, error: unknown): void {
  span.setAttribute('error.type', toJobError(error).code);
  span.setStatus({ code: api().SpanStatusCode.ERROR });
  span.end();
}

/** What every span about messages says; `operation` is its name and, but for that, one of the types of the conventions. */
export function messagingAttributes(
  operation: 'send' | 'receive' | 'process' | 'settle',
  type: string | undefined,
): Attributes {
  // OpenTelemetry semantic conventions 1.45.0 (messaging, in development), copied as they ask of libraries. Since 1.45
  // `messaging.system` is called `messaging.system.name`; most backends know the old name only.
  return {
    'messaging.system.name': 'unstuck',
    'messaging.system': 'unstuck',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    ...(type === undefined ? {} : { 'messaging.destination.name': type }),
  };
}

/** The one type of all these jobs; undefined when they have several. */
export function onlyType(jobs: readonly { readonly type: string }[]): string | undefined {
  const type = jobs[0]?.type;
  return jobs.every((job) => job.type === type) ? type : undefined;
}

/** The default of the SDK; more links would only be counted. */
export const LINKS_MAX = 128;

/** The spans that enqueued these jobs, each once (those of one batch have one), at most 128. */
export function enqueuedBy(jobs: readonly { readonly trace?: unknown }[]): Link[] {
  const links = new Map<string, Link>();
  for (const job of jobs) {
    const { traceparent, tracestate } = readTrace(job.trace);
    const enqueue = remoteContext(traceparent, tracestate);
    if (enqueue !== undefined) links.set(enqueue.spanId, { context: enqueue });
    if (links.size === LINKS_MAX) break;
  }
  return [...links.values()];
}
