/** Server span: the span of a request to the API, which continues the trace of whoever sent it. */
import type { Context, Span, Tracer } from '@opentelemetry/api';
import { withoutTokens } from '../domain/tokens.ts';
import { api, quietly, remoteContext, type Traces, tracerOf } from '../engine/tracing.ts';

/** What becomes known of a request while it is answered. */
export interface Answering {
  /** Its route, whose path has `{id}` for parameters. */
  route?: { readonly path: string };
}

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/**
 * Answers a request under a SERVER span whose parent is its `traceparent`, so that what it enqueues belongs to the trace of its sender. Without
 * OpenTelemetry, and in a server that has a span for the request already, it only answers.
 */
export function traceRequest(
  config: Traces,
  request: Request,
  answering: Answering,
  answer: () => Promise<Response>,
): Promise<Response> {
  const tracer = tracerOf(config);
  // Probes come every few seconds, and no trace is behind them.
  if (tracer === undefined || !request.url.includes('/v1/')) return answer();
  const { context, ROOT_CONTEXT, trace } = api();
  if (trace.getActiveSpan() !== undefined) return answer();
  const sender = remoteContext(
    request.headers.get('traceparent'),
    request.headers.get('tracestate'),
  );
  const parent = sender === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, sender);
  const span = quietly(() => startSpan(tracer, request, parent));
  if (span === undefined) return answer();
  return context.with(trace.setSpan(parent, span), () =>
    answerUnder(span, request, answering, answer),
  );
}

function startSpan(tracer: Tracer, request: Request, parent: Context): Span {
  const { pathname, protocol } = new URL(request.url);
  const attributes = {
    'http.request.method': methodOf(request),
    'url.path': withoutTokens(pathname),
    'url.scheme': protocol.slice(0, -1),
  };
  return tracer.startSpan(methodOf(request), { kind: api().SpanKind.SERVER, attributes }, parent);
}

async function answerUnder(
  span: Span,
  request: Request,
  answering: Answering,
  answer: () => Promise<Response>,
): Promise<Response> {
  let status = 500;
  try {
    const response = await answer();
    status = response.status;
    return response;
  } finally {
    quietly(() => endSpan(span, methodOf(request), answering, status));
  }
}

/** Only what is the fault of the server is an error of its span, say the conventions. */
function endSpan(span: Span, method: string, { route }: Answering, status: number): void {
  span.setAttribute('http.response.status_code', status);
  if (route !== undefined)
    span.setAttribute('http.route', route.path).updateName(`${method} ${route.path}`);
  if (status >= 500)
    span.setAttribute('error.type', String(status)).setStatus({ code: api().SpanStatusCode.ERROR });
  span.end();
}

function methodOf({ method }: Request): string {
  return METHODS.has(method) ? method : '_OTHER';
}
