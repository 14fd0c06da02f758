// An isolated job whose process is traced: as an application does with `--import`, this module registers OpenTelemetry there.
import { trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import * as z from 'zod';
import { defineJob } from '../../../src/index.ts';

if (process.argv[1]?.includes('isolate-process') === true) new NodeTracerProvider().register();

/** Answers with the span under which it runs. */
export const traced = defineJob({
  isolate: true,
  module: import.meta.url,
  type: 'traced',
  input: z.unknown(),
  run: () => trace.getActiveSpan()?.spanContext().spanId ?? 'none',
});
