// Types: nothing in the public surface is `any`, so that a wrong use never compiles by accident. `AnyJob` is the one exception, by name.
import { expectTypeOf } from 'vitest';
import type * as library from '../../src/index.ts';

type IsAny<T> = 0 extends 1 & T ? true : false;
/** The names of the members of `T` that are `any`, or functions that take or return it. */
type Leaks<T> = {
  [K in keyof T]-?: IsAny<T[K]> extends true ? K : Leaky<T[K]> extends true ? K : never;
}[keyof T];
type Leaky<F> = F extends (...given: infer Given) => infer Answer
  ? true extends
      | IsAny<Answer>
      | IsAny<Awaited<Answer>>
      | { [I in keyof Given]: IsAny<Given[I]> }[number]
    ? true
    : false
  : false;

expectTypeOf<Leaks<library.Unstuck>>().toBeNever();
expectTypeOf<Leaks<library.Worker>>().toBeNever();
expectTypeOf<Leaks<library.Job>>().toBeNever();
expectTypeOf<Leaks<library.RunningJob>>().toBeNever();
expectTypeOf<Leaks<library.JobError>>().toBeNever();
expectTypeOf<Leaks<library.JobFilter>>().toBeNever();
expectTypeOf<Leaks<library.JobPage>>().toBeNever();
expectTypeOf<Leaks<library.JobQuery>>().toBeNever();
expectTypeOf<Leaks<library.JobCount>>().toBeNever();
expectTypeOf<Leaks<library.Bulk>>().toBeNever();
expectTypeOf<Leaks<library.BulkRetryOptions>>().toBeNever();
expectTypeOf<Leaks<library.BulkResult>>().toBeNever();
expectTypeOf<Leaks<library.Refusal>>().toBeNever();
expectTypeOf<Leaks<library.Audit>>().toBeNever();
expectTypeOf<Leaks<library.AuditPage>>().toBeNever();
expectTypeOf<Leaks<library.AuditEntry>>().toBeNever();
expectTypeOf<Leaks<library.ResetStuck>>().toBeNever();
expectTypeOf<Leaks<library.RetryCall>>().toBeNever();
expectTypeOf<Leaks<library.Enqueued>>().toBeNever();
expectTypeOf<Leaks<library.EnqueueOptions>>().toBeNever();
expectTypeOf<Leaks<library.EnqueueCall>>().toBeNever();
expectTypeOf<Leaks<library.WaitOptions>>().toBeNever();
expectTypeOf<Leaks<library.WorkOptions>>().toBeNever();
expectTypeOf<Leaks<library.ConnectOptions>>().toBeNever();
expectTypeOf<Leaks<library.Config>>().toBeNever();
expectTypeOf<Leaks<library.RetryOptions>>().toBeNever();
expectTypeOf<Leaks<library.FailedAttempt>>().toBeNever();
expectTypeOf<Leaks<library.Log>>().toBeNever();
expectTypeOf<Leaks<library.UnstuckError>>().toBeNever();
expectTypeOf<Leaks<library.ErrorParts>>().toBeNever();
expectTypeOf<Leaks<library.HistoryEntry>>().toBeNever();
expectTypeOf<Leaks<library.Finding>>().toBeNever();
expectTypeOf<Leaks<library.Status>>().toBeNever();
expectTypeOf<Leaks<library.StateCount>>().toBeNever();
expectTypeOf<Leaks<library.WorkerStatus>>().toBeNever();
expectTypeOf<Leaks<library.Schedules>>().toBeNever();
expectTypeOf<Leaks<library.Tokens>>().toBeNever();
expectTypeOf<Leaks<library.Sessions>>().toBeNever();
expectTypeOf<Leaks<library.Token>>().toBeNever();
expectTypeOf<Leaks<library.Schedule>>().toBeNever();
expectTypeOf<Leaks<library.ScheduleRule>>().toBeNever();
expectTypeOf<Leaks<library.ScheduleSettings>>().toBeNever();
expectTypeOf<Leaks<library.ScheduleOfType>>().toBeNever();
expectTypeOf<Leaks<library.NominalTime>>().toBeNever();
expectTypeOf<Leaks<library.SchedulePauseOptions>>().toBeNever();
expectTypeOf<Leaks<library.PreviewOptions>>().toBeNever();
expectTypeOf<Leaks<library.ScheduleFilter>>().toBeNever();
expectTypeOf<Leaks<library.CallerTransaction>>().toBeNever();
expectTypeOf<Leaks<typeof library>>().toBeNever();

// The check itself sees what it looks for.
type Any = ReturnType<typeof JSON.parse>;
type Leaking = { a: unknown; b: Any; c(x: Any): void; d(): Promise<Any> };
expectTypeOf<Leaks<Leaking>>().toEqualTypeOf<'b' | 'c' | 'd'>();
