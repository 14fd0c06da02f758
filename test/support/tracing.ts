// The real OpenTelemetry SDK of an application under test, with an exporter in memory; gone again after the test.
import { context, propagation, type SpanContext, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { onTestFinished } from 'vitest';
import { eventually } from './unstuck.ts';

/** What an application sees of its traces. */
export interface Tracing {
  /** Every span that has ended so far. */
  readonly spans: () => readonly ReadableSpan[];
  /** Resolves to so many spans of this name, in the order of their ends. */
  readonly ended: (name: string, count?: number) => Promise<readonly ReadableSpan[]>;
  /** Runs `fn` under a span of the application. */
  readonly under: <T>(name: string, fn: () => Promise<T>) => Promise<T>;
}

/** Registers the SDK as an application does at its start. */
export function tracing(sampler?: Sampler): Tracing {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    ...(sampler === undefined ? {} : { sampler }),
  });
  provider.register();
  onTestFinished(async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    await provider.shutdown();
  });
  return {
    spans: () => exporter.getFinishedSpans(),
    ended: (name, count = 1) =>
      eventually(() => {
        const found = exporter.getFinishedSpans().filter((span) => span.name === name);
        return found.length >= count && found;
      }, `${count} spans ${name}`),
    under: (name, fn) =>
      trace.getTracer('application').startActiveSpan(name, async (span) => {
        try {
          return await fn();
        } finally {
          span.end();
        }
      }),
  };
}

/** The traceparent of a span. */
export function traceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags}`;
}

/** The ids of the spans to which a span has links. */
export function linkedTo(span: ReadableSpan | undefined): string[] {
  return (span?.links ?? []).map((link) => link.context.spanId);
}

/** The id of a span. */
export function idOf(span: ReadableSpan | undefined): string {
  return span?.spanContext().spanId ?? 'none';
}
