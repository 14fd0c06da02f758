/** Send trace: the span of an enqueue, whose context its jobs take along in their rows. */
import type { Span, Tracer } from '@opentelemetry/api';
import type { Enqueued } from '../domain/job.ts';
import type { NewJob } from '../domain/new-job.ts';
import {
  api,
  carrierOf,
  endFailed,
  messagingAttributes,
  onlyType,
  quietly,
  type Traces,
  tracerOf,
} from './tracing.ts';

/** Stores jobs, which carry the context of the span if there is one. */
type Store<J, T> = (jobs: readonly J[], span: Span | undefined) => Promise<T>;

/**
 * Stores jobs by `store` under one `send` span and gives them its context. Without OpenTelemetry, and for jobs that have a context already, it
 * only stores them.
 */
export function traceSend<J extends NewJob, T>(
  config: Traces,
  jobs: readonly J[],
  store: Store<J, T>,
): Promise<T> {
  const tracer = tracerOf(config);
  if (tracer === undefined || jobs.every((job) => job.trace !== undefined))
    return store(jobs, undefined);
  const span = quietly(() => startSend(tracer, jobs));
  if (span === undefined) return store(jobs, undefined);
  const { context, trace } = api();
  const active = trace.setSpan(context.active(), span);
  return storeUnder([span], () => context.with(active, () => store(withContext(span, jobs), span)));
}

/** The same for one job; when it was not stored, the span says why and which job there was. */
export function traceSendOne(
  config: Traces,
  job: NewJob,
  store: (job: NewJob) => Promise<Enqueued>,
): Promise<Enqueued> {
  if (tracerOf(config) === undefined) return store(job);
  return traceSend(config, [job], async ([traced], span) => {
    const { id, created, reason } = await store(traced as NewJob);
    if (!created)
      span?.setAttributes({ 'unstuck.enqueue.reason': reason, 'messaging.message.id': id });
    return { id, created, reason };
  });
}

/** The same for jobs of which each has an outcome of its own. */
export function traceSendAll<T>(
  config: Traces,
  jobs: readonly NewJob[],
  store: (jobs: readonly NewJob[]) => Promise<PromiseSettledResult<T>[]>,
): Promise<PromiseSettledResult<T>[]> {
  if (tracerOf(config) === undefined) return store(jobs);
  return traceSend(config, jobs, async (traced, span) => {
    const settled = await store(traced);
    const failed = settled.filter(({ status }) => status === 'rejected').length;
    if (failed > 0) {
      const message = `${failed} of ${jobs.length} jobs were not stored.`;
      span?.setAttribute('error.type', 'BATCH_INCOMPLETE');
      span?.setStatus({ code: api().SpanStatusCode.ERROR, message });
    }
    return settled;
  });
}

/** The jobs that a schedule fires at once. */
export interface Firing {
  readonly name: string;
  readonly jobs: readonly NewJob[];
}

/** Fires schedules by `fire` under a `schedule` span for each, whose context its jobs take along. */
export function traceFirings<T>(
  config: Traces,
  firings: readonly Firing[],
  fire: (jobs: readonly NewJob[]) => Promise<T>,
): Promise<T> {
  const tracer = tracerOf(config);
  if (tracer === undefined) return fire(firings.flatMap(({ jobs }) => jobs));
  const spans: Span[] = [];
  const traced = firings.flatMap((firing) => {
    const span = quietly(() => startFiring(tracer, firing));
    if (span === undefined) return firing.jobs;
    spans.push(span);
    return withContext(span, firing.jobs);
  });
  return storeUnder(spans, () => fire(traced));
}

function startSend(tracer: Tracer, jobs: readonly NewJob[]): Span {
  const type = onlyType(jobs);
  const [only] = jobs;
  return tracer.startSpan(type === undefined ? 'send' : `send ${type}`, {
    kind: api().SpanKind.PRODUCER,
    attributes: {
      ...messagingAttributes('send', type),
      ...(only !== undefined && jobs.length === 1
        ? { 'messaging.message.id': only.id }
        : { 'messaging.batch.message_count': jobs.length }),
    },
  });
}

/** A firing without jobs has no span. */
function startFiring(tracer: Tracer, { name, jobs }: Firing): Span | undefined {
  if (jobs.length === 0) return undefined;
  const attributes = {
    'unstuck.schedule.name': name,
    'messaging.batch.message_count': jobs.length,
  };
  return tracer.startSpan(`schedule ${name}`, { root: true, attributes });
}

async function storeUnder<T>(spans: readonly Span[], store: () => Promise<T>): Promise<T> {
  try {
    const stored = await store();
    quietly(() => spans.forEach((span) => span.end()));
    return stored;
  } catch (error) {
    quietly(() => spans.forEach((span) => endFailed(span, error)));
    throw error;
  }
}

function withContext<J extends NewJob>(span: Span, jobs: readonly J[]): readonly J[] {
  const carrier = JSON.stringify(carrierOf(span.spanContext()));
  return jobs.map((job) => (job.trace === undefined ? { ...job, trace: carrier } : job));
}
