/** The library door: re-exports only. */

export type {
  Alert,
  AlertActor,
  AlertFilter,
  AlertMark,
  AlertState,
  Told,
} from './domain/alert.ts';
export type {
  ChannelDefinition,
  ChannelSettings,
  CommonChannelOptions,
  EmailOptions,
  PagerdutyOptions,
  Protocol,
  SentryOptions,
  SlackOptions,
  SmsOptions,
  WebhookOptions,
} from './domain/alert-channels.ts';
export {
  emailChannel,
  pagerdutyChannel,
  sentryChannel,
  slackChannel,
  smsChannel,
  webhookChannel,
} from './domain/alert-channels.ts';
export type {
  CommonRuleOptions,
  Rule,
  RuleKind,
  RuleOptions,
  RuleValue,
} from './domain/alert-rules.ts';
export type { NotEnqueued } from './domain/batch.ts';
export { BatchError } from './domain/batch.ts';
export type { Bridge, BridgeList, DeadChange, DeadMessage, DeadPlace } from './domain/bridge.ts';
export type {
  BulkAction,
  BulkOptions,
  BulkProgress,
  BulkResult,
  BulkRetryOptions,
  BulkSelection,
} from './domain/bulk.ts';
export type { BulkActionPage, BulkActionStatus } from './domain/bulk-action.ts';
export type { ConnectOptions } from './domain/connect-options.ts';
export type { AlertsDefinition, AlertsOptions, Beat, BeatOptions } from './domain/define-alerts.ts';
export { defineAlerts } from './domain/define-alerts.ts';
export type {
  BridgeDefinition,
  BridgedJob,
  BridgeOptions,
  ExpectedMessage,
  LostDefinition,
  LostOptions,
} from './domain/define-bridge.ts';
export { defineBridge } from './domain/define-bridge.ts';
export type {
  Execution,
  ExecutionsOptions,
  FanOutJob,
  FanOutOptions,
  FanOutResult,
} from './domain/define-fan-out.ts';
export { defineFanOut } from './domain/define-fan-out.ts';
export type {
  AnyJob,
  InputOf,
  JobDefinition,
  JobOptions,
  RemoteJobOptions,
  ResultOf,
  RunningJob,
  Stored,
} from './domain/define-job.ts';
export { defineJob } from './domain/define-job.ts';
export type { QueueDefinition, QueueOptions } from './domain/define-queue.ts';
export { defineQueue } from './domain/define-queue.ts';
export type {
  ProbeOptions,
  RemoteDefinition,
  TargetDefinition,
  TargetOption,
  TargetOptions,
  TargetPick,
} from './domain/define-target.ts';
export { defineTarget } from './domain/define-target.ts';
export type { Delivery, DeliveryError, JobDelivery } from './domain/delivery.ts';
export type { ErrorCode, ErrorParts } from './domain/errors.ts';
export { StaleAttemptError, UnstuckError } from './domain/errors.ts';
export type { Axes, ExecutionState, Plan, Success } from './domain/executions.ts';
export { findBridges, findDefinitions, findTargets } from './domain/find-definitions.ts';
export type { Enqueued, EnqueueOptions, Job, JobError, JobPage } from './domain/job.ts';
export type { JobFilter, JobQuery, Page } from './domain/job-filter.ts';
export type { JobOf } from './domain/job-of.ts';
export type { LimitAmounts, LimitOptions } from './domain/limits.ts';
export type { Log, LogFacts, LogLevel } from './domain/log.ts';
export { lineLog } from './domain/log.ts';
export type { CountedOutcome, Meter, TypeMeter } from './domain/meter.ts';
export type { NominalTime } from './domain/nominal-times.ts';
export type { Notify } from './domain/notify.ts';
export type { Config, Options } from './domain/options.ts';
export { Cancel, Fail, RetryAfter, Snooze } from './domain/outcome.ts';
export type {
  PullBeat,
  PulledFence,
  PulledJob,
  PullFailure,
  PullOptions,
  PullStop,
} from './domain/pull.ts';
export type { Refusal } from './domain/refusal.ts';
export type { AnsweredRequest, RequestAnswer, RequestKey } from './domain/request-key.ts';
export type {
  FailedAttempt,
  RetryDecision,
  RetryOptions,
  RetryPolicy,
} from './domain/retry-policy.ts';
export type {
  Schedule,
  ScheduleOf,
  ScheduleOfType,
  ScheduleRule,
  ScheduleSettings,
} from './domain/schedule.ts';
export type { Scope } from './domain/scopes.ts';
export type { Notice, NoticeCode } from './domain/target-notice.ts';
export type { TokenSettings } from './domain/tokens.ts';
export type { EndState, State } from './domain/transitions.ts';
export type { Check, Why } from './domain/why-facts.ts';
export type { WorkOptions } from './domain/work-options.ts';
export type { PullEnding } from './engine/pull-claims.ts';
export type { PulledState } from './engine/pull-ends.ts';
export type { Finding, StateCount, Status, TroubledTarget, WorkerStatus } from './engine/status.ts';
export type { TickRound } from './engine/ticks.ts';
export type { WaitOptions } from './engine/waiter.ts';
export type { Worker } from './engine/worker.ts';
export type { AlertChannel, Alerts, SilenceOptions } from './features/alerts/alerts.ts';
export type { TestedChannel } from './features/alerts/messenger.ts';
export type { Audit } from './features/audit.ts';
export type { Bulk } from './features/bulk/bulk.ts';
export type { BulkActionOptions, BulkActions } from './features/bulk/bulk-actions.ts';
export type { Deliveries, DeliveryPage, DeliveryQuery } from './features/deliveries.ts';
export type { CheckedRetryCall, RetryCall } from './features/edited-retry.ts';
export type {
  Cell,
  Executions,
  FanOut,
  Matrix,
  MatrixAxis,
  MatrixCell,
} from './features/executions.ts';
export type { LimitKeyStatus, LimitStatus, Limits } from './features/limits.ts';
export type { Pool, PoolProblem, Pools } from './features/pools.ts';
export type { Pull } from './features/pull.ts';
export type {
  ExecutedPending,
  NamedPause,
  Pause,
  PauseOptions,
  Queue,
  Queues,
} from './features/queues.ts';
export type { BridgeFilter, Bridges, DeadFilter } from './features/redis/bridges.ts';
export type { JobCall } from './features/requests/enqueue-each.ts';
export type { ResetStuck } from './features/reset-stuck.ts';
export type {
  PreviewOptions,
  ScheduleFilter,
  SchedulePauseOptions,
  Schedules,
} from './features/schedules/schedules.ts';
export type {
  Sending,
  Target,
  TargetPause,
  TargetPauseOptions,
  TargetProbe,
  Targets,
  VerifiedCallback,
} from './features/targets.ts';
export type { LoginWith, Sessions, VerifiedSession } from './features/tokens/sessions.ts';
export type { NewToken, TokenPage, Tokens, VerifiedToken } from './features/tokens/tokens.ts';
export type { Watch, WatchedJob } from './features/watch.ts';
export type { Duration } from './std/duration.ts';
export type { Histogram } from './std/histogram.ts';
export type { AuditEntry, AuditPage } from './storage/audit.ts';
export type {
  CallerTransaction,
  DrizzleTag,
  DrizzleTransaction,
  KnexTransaction,
  KyselyCompiledQuery,
  KyselyTransaction,
  PgTransaction,
  PostgresJsTransaction,
  PrismaTransaction,
} from './storage/caller-transaction.ts';
export {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPg,
  fromPostgresJs,
  fromPrisma,
  fromQuery,
} from './storage/caller-transaction.ts';
export type { EnqueueCall } from './storage/enqueue-call.ts';
export type { JobCount } from './storage/job-filter.ts';
export type { Actor, HistoryEntry } from './storage/jobs.ts';
export { printMigrations } from './storage/migrator.ts';
export type { Token } from './storage/tokens.ts';
export { Unstuck } from './unstuck.ts';
