/** Heal trace: the span of a round of the sweep that moved jobs for which their workers had not done what they had to. */
import type { Tracer } from '@opentelemetry/api';
import { findTraces } from '../sql/inspect.ts';
import type { Database } from '../storage/database.ts';
import { api, enqueuedBy, LINKS_MAX, quietly, tracerOf } from './tracing.ts';

/** Writes the `heal` span of a task of the sweep with links to who enqueued the first 128 jobs that it moved. Never rejects. */
export async function traceHeal(
  database: Database,
  task: string,
  moved: readonly { readonly id: string }[],
): Promise<void> {
  const tracer = tracerOf(database.config);
  if (tracer === undefined || moved.length === 0) return;
  const ids = moved.slice(0, LINKS_MAX).map(({ id }) => id);
  const traced = await database.run(findTraces, [ids]).catch(() => []);
  quietly(() => writeHeal(tracer, task, moved.length, traced));
}

function writeHeal(
  tracer: Tracer,
  task: string,
  count: number,
  traced: readonly { readonly trace?: unknown }[],
): void {
  const attributes = { 'unstuck.heal.task': task, 'messaging.batch.message_count': count };
  tracer
    .startSpan(`heal ${task}`, { links: enqueuedBy(traced), attributes }, api().ROOT_CONTEXT)
    .end();
}
