// The hand-kept tables of docs/generated/options.md have exactly the options that the types have.
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expectTypeOf } from 'vitest';
import type {
  BRIDGE_OPTIONS,
  ENQUEUE_OPTIONS,
  JOB_OPTIONS,
  RETRY_OPTIONS,
  SCHEDULE_OPTIONS,
  WORK_CALLBACKS,
} from '../../scripts/docs/options.ts';
import type { WORK_OPTIONS } from '../../src/domain/work-options.ts';
import type {
  AnyJob,
  BridgeOptions,
  EnqueueCall,
  JobOptions,
  RetryOptions,
  ScheduleOf,
  ScheduleOfType,
  WorkOptions,
} from '../../src/index.ts';

expectTypeOf<keyof typeof JOB_OPTIONS>().toEqualTypeOf<
  keyof JobOptions<StandardSchemaV1, unknown>
>();
expectTypeOf<keyof typeof BRIDGE_OPTIONS>().toEqualTypeOf<keyof BridgeOptions<unknown>>();
expectTypeOf<keyof typeof RETRY_OPTIONS>().toEqualTypeOf<keyof RetryOptions>();
expectTypeOf<keyof typeof ENQUEUE_OPTIONS>().toEqualTypeOf<keyof EnqueueCall>();
expectTypeOf<keyof typeof WORK_OPTIONS | keyof typeof WORK_CALLBACKS>().toEqualTypeOf<
  keyof WorkOptions
>();
expectTypeOf<keyof typeof SCHEDULE_OPTIONS>().toEqualTypeOf<
  keyof ScheduleOf<AnyJob> | keyof ScheduleOfType
>();
