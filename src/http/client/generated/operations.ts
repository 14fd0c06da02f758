/** Operations: the methods of the client. Written by `npm run docs` from the routes: change those, not this file. */
import type { CallOptions, NoFields } from '../call.ts';
import type {
  AbortBulkActionRequest,
  AcknowledgeAlertRequest,
  Alert,
  Bridge,
  BulkAction,
  BulkDryRun,
  CancelJobRequest,
  CheckPoolsAnswer,
  ClaimBeat,
  ClaimEnd,
  ClaimedJobs,
  ClaimJobsRequest,
  CompleteClaimRequest,
  CountJobsRequest,
  CreateTokenRequest,
  DeadChange,
  DeleteBridgeRequest,
  DeleteDeadMessagesRequest,
  DeleteJobRequest,
  DeleteLimitRequest,
  DeletePoolRequest,
  DeleteScheduleRequest,
  Delivery,
  EnqueuedJob,
  EnqueuedJobs,
  EnqueueJobsRequest,
  ExecutedPending,
  ExecutePendingRequest,
  ExplainJobRequest,
  FailClaimRequest,
  FanOut,
  GetAlertRequest,
  GetBridgeRequest,
  GetBulkActionRequest,
  GetDeliveryRequest,
  GetExecutionsRequest,
  GetJobRequest,
  GetLimitRequest,
  GetMatrixRequest,
  GetPoolRequest,
  GetQueueRequest,
  GetScheduleRequest,
  GetTargetRequest,
  GetTimelineRequest,
  HeartbeatClaimRequest,
  Job,
  JobCount,
  JobInFull,
  Limit,
  ListAlertChannelsAnswer,
  ListAlertRulesAnswer,
  ListAlertsAnswer,
  ListAlertsRequest,
  ListAuditAnswer,
  ListAuditRequest,
  ListBridgesAnswer,
  ListBridgesRequest,
  ListBulkActionsAnswer,
  ListBulkActionsRequest,
  ListCellsAnswer,
  ListCellsRequest,
  ListDeadMessagesAnswer,
  ListDeadMessagesRequest,
  ListDeliveriesAnswer,
  ListDeliveriesRequest,
  ListFindingsAnswer,
  ListJobsAnswer,
  ListJobsRequest,
  ListLimitKeysAnswer,
  ListLimitKeysRequest,
  ListLimitsAnswer,
  ListLimitsRequest,
  ListPausesAnswer,
  ListPoolsAnswer,
  ListPoolsRequest,
  ListQueuesAnswer,
  ListQueuesRequest,
  ListSchedulesAnswer,
  ListSchedulesRequest,
  ListTargetsAnswer,
  ListTargetsRequest,
  ListTokensAnswer,
  ListTokensRequest,
  ListWorkersAnswer,
  LogInRequest,
  MadeToken,
  Matrix,
  Me,
  NewBulkAction,
  NewJob,
  Pause,
  PauseQueueRequest,
  PauseScheduleRequest,
  PauseTargetRequest,
  PauseTypeRequest,
  Pool,
  PreviewRequest,
  PreviewScheduleAnswer,
  ProbeTargetRequest,
  Queue,
  ReleaseClaimRequest,
  ReleaseJobRequest,
  RepairPoolsAnswer,
  ReportProgressRequest,
  RequeueDeadMessagesRequest,
  ResetStuck,
  ResetStuckRequest,
  ResumeQueueRequest,
  ResumeScheduleRequest,
  ResumeTargetRequest,
  ResumeTypeRequest,
  RetryDeliveryRequest,
  RetryJobRequest,
  RevokeTokenRequest,
  RunScheduleRequest,
  Schedule,
  SetLimitRequest,
  SetPoolRequest,
  SetScheduleRequest,
  SilenceAlertRequest,
  Status,
  StopPullWorkerAnswer,
  StopPullWorkerRequest,
  Target,
  TargetProbe,
  TestAlertChannelRequest,
  TestedChannel,
  TickRequest,
  TickRound,
  Timeline,
  Token,
  UnsilenceAlertRequest,
  Why,
} from './shapes.ts';

/**
 * Every operation of the API: path parameters and the fields of query or body in one object. All reject with an `UnstuckError` that has the
 * code of the server, or SERVER_UNREACHABLE.
 */
export interface Operations {
  /** Answers the OpenAPI document of this API. */
  getOpenApi(request?: NoFields, options?: CallOptions): Promise<unknown>;
  /**
   * Stores a job.
   * Who may not read is shown only jobs that this request stored: of another that has the key `id`, `created` and `enqueued`. A job whose remote worker is away is stored as any other; `notice` says so, in words for whoever asked for it.
   * Throws LIMIT_UNKNOWN, POOL_UNKNOWN, REQUEST_TIMEOUT, KEY_TAKEN, KEY_BUSY, POOL_BUSY, SLOTS_EXHAUSTED, IDEMPOTENCY_IN_FLIGHT, INPUT_TOO_LARGE, INPUT_INVALID, JOB_TYPE_INVALID, JOB_TYPE_UNKNOWN, KEY_INVALID, LIMIT_INVALID, NOTIFY_INVALID, POOL_INVALID, PRIORITY_INVALID, TIME_INVALID, ENQUEUE_REFUSED, IDEMPOTENCY_MISMATCH.
   */
  enqueueJob(request: NewJob, options?: CallOptions): Promise<EnqueuedJob>;
  /**
   * Lists jobs, newest first.
   * Throws JOB_ID_INVALID.
   */
  listJobs(request?: ListJobsRequest, options?: CallOptions): Promise<ListJobsAnswer>;
  /**
   * Stores up to 1,000 jobs, each for itself.
   * One that is refused keeps no other from being stored: it is answered with its problem. Only those need to be sent again. With an idempotency key all are answered from one transaction.
   * Throws REQUEST_TIMEOUT, IDEMPOTENCY_IN_FLIGHT, IDEMPOTENCY_MISMATCH.
   */
  enqueueJobs(request: EnqueueJobsRequest, options?: CallOptions): Promise<EnqueuedJobs>;
  /**
   * Counts jobs, exactly up to 100,000.
   * Throws JOB_ID_INVALID.
   */
  countJobs(request?: CountJobsRequest, options?: CallOptions): Promise<JobCount>;
  /**
   * Answers one job, live or finished.
   * Throws JOB_NOT_FOUND, JOB_ID_INVALID.
   */
  getJob(request: GetJobRequest, options?: CallOptions): Promise<JobInFull>;
  /**
   * Removes a job that does not run, with everything that belongs to it, for ever.
   * Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT, JOB_BUSY, CHANGE_REFUSED, JOB_ID_INVALID.
   */
  deleteJob(request: DeleteJobRequest, options?: CallOptions): Promise<undefined>;
  /**
   * Answers what happened to a job beside simple success, oldest first.
   * Attempts that failed, timed out or were lost, and what people and the sweep did; at most 1,000 entries.
   * Throws JOB_NOT_FOUND, JOB_ID_INVALID.
   */
  getTimeline(request: GetTimelineRequest, options?: CallOptions): Promise<Timeline>;
  /**
   * Explains why a job is where it is: what it waits for, who holds that, and what happens next.
   * Throws JOB_NOT_FOUND, JOB_ID_INVALID.
   */
  explainJob(request: ExplainJobRequest, options?: CallOptions): Promise<Why>;
  /**
   * Cancels a live job; a running one is told within two heartbeats.
   * Throws JOB_NOT_FOUND, REQUEST_TIMEOUT, JOB_STATE_CONFLICT, JOB_ID_INVALID.
   */
  cancelJob(request: CancelJobRequest, options?: CallOptions): Promise<Job>;
  /**
   * Runs a finished job again, with fresh attempts and the same id.
   * With `input` it runs with that instead of its own, which is kept in its history.
   * Throws JOB_NOT_FOUND, REQUEST_TIMEOUT, JOB_STATE_CONFLICT, KEY_TAKEN, INPUT_TOO_LARGE, JOB_ID_INVALID, INPUT_INVALID.
   */
  retryJob(request: RetryJobRequest, options?: CallOptions): Promise<Job>;
  /**
   * Lets a held job go.
   * Throws JOB_NOT_FOUND, REQUEST_TIMEOUT, JOB_STATE_CONFLICT, JOB_ID_INVALID.
   */
  releaseJob(request: ReleaseJobRequest, options?: CallOptions): Promise<Job>;
  /**
   * Puts running jobs whose attempt started too long ago back into the queue.
   * Throws REQUEST_TIMEOUT.
   */
  resetStuck(request?: ResetStuckRequest, options?: CallOptions): Promise<ResetStuck>;
  /**
   * Starts the next job of a sequential queue, if none is running.
   * Throws QUEUE_UNKNOWN, REQUEST_TIMEOUT.
   */
  executePending(request: ExecutePendingRequest, options?: CallOptions): Promise<ExecutedPending>;
  /**
   * Retries, cancels or deletes many jobs: all that fit a filter, or those that are named.
   * It goes on behind the answer, in chunks of 500, and in another server when this one ends. `delete` asks for the scope admin.
   * Throws REQUEST_TIMEOUT, COUNT_MISMATCH, INPUT_TOO_LARGE, JOB_ID_INVALID, OPTION_UNKNOWN.
   */
  startBulkAction(request: NewBulkAction, options?: CallOptions): Promise<BulkDryRun | BulkAction>;
  /**
   * Lists changes of many jobs, newest first, those of the command and of the library too.
   * Throws JOB_ID_INVALID.
   */
  listBulkActions(
    request?: ListBulkActionsRequest,
    options?: CallOptions,
  ): Promise<ListBulkActionsAnswer>;
  /**
   * Answers how far a change of many jobs has come.
   * Throws BULK_ACTION_UNKNOWN, JOB_ID_INVALID.
   */
  getBulkAction(request: GetBulkActionRequest, options?: CallOptions): Promise<BulkAction>;
  /**
   * Ends a change of many jobs between two chunks; what is done stays done.
   * Throws BULK_ACTION_UNKNOWN, REQUEST_TIMEOUT, BULK_ACTION_ENDED, JOB_ID_INVALID.
   */
  abortBulkAction(request: AbortBulkActionRequest, options?: CallOptions): Promise<BulkAction>;
  /**
   * Answers counts, workers, findings, and how many jobs are late or stuck.
   * Counted at most once a second for all who ask.
   */
  getStatus(request?: NoFields, options?: CallOptions): Promise<Status>;
  /**
   * Lists why jobs are late, the oldest first; whoever sweeps renews them every 2 s.
   * Counted at most once a second for all who ask. At most 1,000, in one page. Reading renews nothing: a tick does.
   */
  listFindings(request?: NoFields, options?: CallOptions): Promise<ListFindingsAnswer>;
  /**
   * Lists the workers that are live or stopping, the newest first.
   * Counted at most once a second for all who ask. At most 500, in one page.
   */
  listWorkers(request?: NoFields, options?: CallOptions): Promise<ListWorkersAnswer>;
  /** Lists queues with their counts, by name. */
  listQueues(request?: ListQueuesRequest, options?: CallOptions): Promise<ListQueuesAnswer>;
  /**
   * Answers one queue with its counts.
   * Throws QUEUE_UNKNOWN.
   */
  getQueue(request: GetQueueRequest, options?: CallOptions): Promise<Queue>;
  /**
   * Starts no further job of a queue, in any process, until then or until it is resumed.
   * Running jobs go on. A second pause replaces the first.
   * Throws QUEUE_UNKNOWN, REQUEST_TIMEOUT, TIME_INVALID.
   */
  pauseQueue(request: PauseQueueRequest, options?: CallOptions): Promise<Queue>;
  /**
   * Starts jobs of a queue again; one that is not paused stays as it is.
   * Throws QUEUE_UNKNOWN.
   */
  resumeQueue(request: ResumeQueueRequest, options?: CallOptions): Promise<Queue>;
  /**
   * Starts no further job of one type, until then or until it is resumed.
   * Running jobs go on. A second pause replaces the first.
   * Throws REQUEST_TIMEOUT, JOB_TYPE_UNKNOWN, TIME_INVALID.
   */
  pauseType(request: PauseTypeRequest, options?: CallOptions): Promise<Pause>;
  /**
   * Starts jobs of one type again; one that is not paused stays as it is.
   * Throws JOB_TYPE_UNKNOWN.
   */
  resumeType(request: ResumeTypeRequest, options?: CallOptions): Promise<undefined>;
  /**
   * Lists the queues and types that are paused, the oldest pause first.
   * At most 1,000, in one page.
   */
  listPauses(request?: NoFields, options?: CallOptions): Promise<ListPausesAnswer>;
  /** Lists remote workers, how each stands and what waits for it, by name. */
  listTargets(request?: ListTargetsRequest, options?: CallOptions): Promise<ListTargetsAnswer>;
  /**
   * Answers one remote worker.
   * Throws TARGET_UNKNOWN.
   */
  getTarget(request: GetTargetRequest, options?: CallOptions): Promise<Target>;
  /**
   * Sends a remote worker nothing, and asks it nothing, until then or until it is resumed.
   * What it works on goes on; its jobs wait. A second pause replaces the first.
   * Throws TARGET_UNKNOWN, REQUEST_TIMEOUT, TIME_INVALID.
   */
  pauseTarget(request: PauseTargetRequest, options?: CallOptions): Promise<Target>;
  /**
   * Sends a remote worker jobs again; one that is not paused stays as it is.
   * Throws TARGET_UNKNOWN, REQUEST_TIMEOUT.
   */
  resumeTarget(request: ResumeTargetRequest, options?: CallOptions): Promise<Target>;
  /**
   * Asks a remote worker now whether it is there; answers within 15 s what it said.
   * One that is down is asked by the sweep, and its jobs go on if it answers. Any other is asked by this server, which changes nothing.
   * Throws TARGET_UNKNOWN.
   */
  probeTarget(request: ProbeTargetRequest, options?: CallOptions): Promise<TargetProbe>;
  /** Lists pools, by key. */
  listPools(request?: ListPoolsRequest, options?: CallOptions): Promise<ListPoolsAnswer>;
  /**
   * Answers one pool.
   * Throws POOL_UNKNOWN.
   */
  getPool(request: GetPoolRequest, options?: CallOptions): Promise<Pool>;
  /**
   * Sets how many slots a pool has, and makes it when it is missing.
   * More slots let waiting jobs in at once; fewer end nobody, the pool drains.
   * Throws REQUEST_TIMEOUT, POOL_INVALID.
   */
  setPool(request: SetPoolRequest, options?: CallOptions): Promise<Pool>;
  /**
   * Deletes a pool that no live job names.
   * Throws POOL_UNKNOWN, POOL_IN_USE.
   */
  deletePool(request: DeletePoolRequest, options?: CallOptions): Promise<undefined>;
  /**
   * Lists the pools whose rows do not fit together.
   * None proves that every slot is held by a live job and none is wasted. At most 1,000.
   */
  checkPools(request?: NoFields, options?: CallOptions): Promise<CheckPoolsAnswer>;
  /** Repairs what a hand has broken in pools, and says what it did. */
  repairPools(request?: NoFields, options?: CallOptions): Promise<RepairPoolsAnswer>;
  /** Lists limits, by name. */
  listLimits(request?: ListLimitsRequest, options?: CallOptions): Promise<ListLimitsAnswer>;
  /**
   * Answers one limit.
   * Throws LIMIT_UNKNOWN.
   */
  getLimit(request: GetLimitRequest, options?: CallOptions): Promise<Limit>;
  /**
   * Sets the amounts of a limit; they stay, whatever the code says.
   * More let waiting jobs in at once; fewer end nobody.
   * Throws REQUEST_TIMEOUT, LIMIT_INVALID.
   */
  setLimit(request: SetLimitRequest, options?: CallOptions): Promise<Limit>;
  /**
   * Deletes a limit at which no live job counts.
   * Throws LIMIT_UNKNOWN, LIMIT_IN_USE.
   */
  deleteLimit(request: DeleteLimitRequest, options?: CallOptions): Promise<undefined>;
  /**
   * Lists how many jobs count at each key of a limit, the longest lines first.
   * At most 100, in one page.
   * Throws LIMIT_UNKNOWN.
   */
  listLimitKeys(request: ListLimitKeysRequest, options?: CallOptions): Promise<ListLimitKeysAnswer>;
  /** Lists schedules, by name. */
  listSchedules(
    request?: ListSchedulesRequest,
    options?: CallOptions,
  ): Promise<ListSchedulesAnswer>;
  /**
   * Answers one schedule.
   * Throws SCHEDULE_NOT_FOUND.
   */
  getSchedule(request: GetScheduleRequest, options?: CallOptions): Promise<Schedule>;
  /**
   * Stores a schedule, or makes the stored one what the body says.
   * What the body leaves out gets its default; the same again changes nothing; a changed rule goes on with its first time from now; a pause stays.
   * Throws REQUEST_TIMEOUT, INPUT_TOO_LARGE, SCHEDULE_INVALID, JOB_TYPE_INVALID, JOB_TYPE_UNKNOWN, INPUT_INVALID, PRIORITY_INVALID, KEY_INVALID, TIME_INVALID, POOL_INVALID, LIMIT_INVALID.
   */
  setSchedule(request: SetScheduleRequest, options?: CallOptions): Promise<Schedule>;
  /**
   * Deletes a schedule; its jobs go on.
   * Throws SCHEDULE_NOT_FOUND.
   */
  deleteSchedule(request: DeleteScheduleRequest, options?: CallOptions): Promise<undefined>;
  /**
   * Pauses a schedule, until then or until it is resumed.
   * Times of a pause are not missed: they never fire.
   * Throws SCHEDULE_NOT_FOUND, REQUEST_TIMEOUT, SCHEDULE_INVALID.
   */
  pauseSchedule(request: PauseScheduleRequest, options?: CallOptions): Promise<Schedule>;
  /**
   * Ends a pause; the schedule goes on with its first time from now.
   * Throws SCHEDULE_NOT_FOUND, REQUEST_TIMEOUT.
   */
  resumeSchedule(request: ResumeScheduleRequest, options?: CallOptions): Promise<Schedule>;
  /**
   * Runs a schedule once, now, paused or not, beside its times.
   * Throws SCHEDULE_NOT_FOUND, POOL_UNKNOWN, REQUEST_TIMEOUT, SLOTS_EXHAUSTED, POOL_BUSY, KEY_BUSY.
   */
  runSchedule(request: RunScheduleRequest, options?: CallOptions): Promise<EnqueuedJob>;
  /**
   * Answers the next runs of a stored schedule, or of a rule; it stores nothing.
   * None while a pause without an end lasts.
   * Throws SCHEDULE_NOT_FOUND, REQUEST_TIMEOUT, SCHEDULE_INVALID.
   */
  previewSchedule(request?: PreviewRequest, options?: CallOptions): Promise<PreviewScheduleAnswer>;
  /** Lists bridges, by name. */
  listBridges(request?: ListBridgesRequest, options?: CallOptions): Promise<ListBridgesAnswer>;
  /**
   * Answers one bridge, as it was last looked at.
   * Throws BRIDGE_UNKNOWN.
   */
  getBridge(request: GetBridgeRequest, options?: CallOptions): Promise<Bridge>;
  /**
   * Forgets a bridge that is not run any more; its lists stay.
   * A process that runs it brings it back.
   * Throws BRIDGE_UNKNOWN.
   */
  deleteBridge(request: DeleteBridgeRequest, options?: CallOptions): Promise<undefined>;
  /**
   * Lists dead messages, the oldest first.
   * Answered by a process that runs the bridge, or has UNSTUCK_REDIS_URL.
   * Throws BRIDGE_UNKNOWN, REDIS_URL_INVALID, REDIS_PACKAGE_MISSING, REDIS_REFUSED, REDIS_UNREACHABLE.
   */
  listDeadMessages(
    request: ListDeadMessagesRequest,
    options?: CallOptions,
  ): Promise<ListDeadMessagesAnswer>;
  /**
   * Puts dead messages back into the list, as they came.
   * Those that do not stand where they were seen are left alone and named.
   * Throws BRIDGE_UNKNOWN, REQUEST_TIMEOUT, REDIS_URL_INVALID, REDIS_PACKAGE_MISSING, REDIS_REFUSED, REDIS_UNREACHABLE.
   */
  requeueDeadMessages(
    request: RequeueDeadMessagesRequest,
    options?: CallOptions,
  ): Promise<DeadChange>;
  /**
   * Deletes dead messages.
   * Those that do not stand where they were seen are left alone and named.
   * Throws BRIDGE_UNKNOWN, REQUEST_TIMEOUT, REDIS_URL_INVALID, REDIS_PACKAGE_MISSING, REDIS_REFUSED, REDIS_UNREACHABLE.
   */
  deleteDeadMessages(
    request: DeleteDeadMessagesRequest,
    options?: CallOptions,
  ): Promise<DeadChange>;
  /**
   * Answers how the work of a fan-out stands.
   * Throws JOB_NOT_FOUND, JOB_ID_INVALID.
   */
  getExecutions(request: GetExecutionsRequest, options?: CallOptions): Promise<FanOut>;
  /**
   * Lists the executions of a fan-out in the order of its plan, of one state or any.
   * `pending` ones wait at a gate, `missing` ones have no job and will get one, `running` ones are being done, `failed` ones are over.
   * Throws JOB_NOT_FOUND, JOB_ID_INVALID.
   */
  listCells(request: ListCellsRequest, options?: CallOptions): Promise<ListCellsAnswer>;
  /**
   * Counts the executions of a fan-out by the values of one axis of its plan, or two.
   * At most 10,000 cells. What the other axes add is counted together.
   * Throws JOB_NOT_FOUND, JOB_ID_INVALID.
   */
  getMatrix(request: GetMatrixRequest, options?: CallOptions): Promise<Matrix>;
  /**
   * Lists who was, or is to be, told what, newest first.
   * Those that have ended are kept for 7 days.
   * Throws JOB_ID_INVALID.
   */
  listDeliveries(
    request?: ListDeliveriesRequest,
    options?: CallOptions,
  ): Promise<ListDeliveriesAnswer>;
  /**
   * Answers one delivery.
   * Throws DELIVERY_NOT_FOUND.
   */
  getDelivery(request: GetDeliveryRequest, options?: CallOptions): Promise<Delivery>;
  /**
   * Sends a delivery that failed once more, under the same id.
   * It gets a whole schedule of tries.
   * Throws DELIVERY_NOT_FOUND, REQUEST_TIMEOUT, DELIVERY_STATE_CONFLICT.
   */
  retryDelivery(request: RetryDeliveryRequest, options?: CallOptions): Promise<Delivery>;
  /**
   * Lists who did what to many jobs and why, newest first.
   * Throws JOB_ID_INVALID.
   */
  listAudit(request?: ListAuditRequest, options?: CallOptions): Promise<ListAuditAnswer>;
  /** Lists alerts, what fires first; those that are pending or firing unless asked otherwise. */
  listAlerts(request?: ListAlertsRequest, options?: CallOptions): Promise<ListAlertsAnswer>;
  /**
   * Lists the rules of the process that answers.
   * Throws ALERTS_NOT_STARTED.
   */
  listAlertRules(request?: NoFields, options?: CallOptions): Promise<ListAlertRulesAnswer>;
  /**
   * Lists the channels of the process that answers, without their secrets.
   * Throws ALERTS_NOT_STARTED.
   */
  listAlertChannels(request?: NoFields, options?: CallOptions): Promise<ListAlertChannelsAnswer>;
  /**
   * Sends a message by a channel at once, and answers what its API said.
   * It takes as long as that takes, up to 30 s. A channel that refuses is an answer too.
   * Throws CHANNEL_NOT_FOUND, REQUEST_TIMEOUT, ALERTS_NOT_STARTED.
   */
  testAlertChannel(request: TestAlertChannelRequest, options?: CallOptions): Promise<TestedChannel>;
  /**
   * Answers one alert.
   * Throws ALERT_NOT_FOUND.
   */
  getAlert(request: GetAlertRequest, options?: CallOptions): Promise<Alert>;
  /**
   * Says that somebody looks after an alert that fires: it is not told again, and still resolves.
   * Throws ALERT_NOT_FOUND, REQUEST_TIMEOUT, ALERT_STATE_CONFLICT.
   */
  acknowledgeAlert(request: AcknowledgeAlertRequest, options?: CallOptions): Promise<Alert>;
  /**
   * Lets an alert tell nobody, for a time or until that is ended; its state goes on.
   * Throws ALERT_NOT_FOUND, REQUEST_TIMEOUT.
   */
  silenceAlert(request: SilenceAlertRequest, options?: CallOptions): Promise<Alert>;
  /**
   * Ends the silence of an alert.
   * Throws ALERT_NOT_FOUND, REQUEST_TIMEOUT.
   */
  unsilenceAlert(request: UnsilenceAlertRequest, options?: CallOptions): Promise<Alert>;
  /**
   * Does one round of the sweep now, within 3 s, whoever else sweeps.
   * For an outside scheduler; `name` says which one, in the log. It may be called as often as you like and by several at once: every step checks each row again, so calling twice is as calling once. Beside a token it takes the header `x-unstuck-tick`, or the identity of a cloud (OIDC): see docs/ticks.md.
   * Throws OIDC_KEYS_UNREACHABLE.
   */
  tick(request: TickRequest, options?: CallOptions): Promise<TickRound>;
  /**
   * Gives jobs to a worker; waits for a first one as long as it asks.
   * The worker is registered by its first claim; each of its calls renews its lease. When it has been silent for a lease its jobs run elsewhere.
   * Throws REQUEST_TIMEOUT, JOB_TYPE_INVALID, JOB_ID_INVALID, WORKER_STOPPED.
   */
  claimJobs(request: ClaimJobsRequest, options?: CallOptions): Promise<ClaimedJobs | undefined>;
  /**
   * Signs a worker off; what it still holds goes back, uncharged.
   * Throws REQUEST_TIMEOUT.
   */
  stopPullWorker(
    request: StopPullWorkerRequest,
    options?: CallOptions,
  ): Promise<StopPullWorkerAnswer>;
  /**
   * Says that a worker still runs a job; tells it whether to go on.
   * Throws CALLBACK_REFUSED, JOB_NOT_FOUND, REQUEST_TIMEOUT, JOB_ID_INVALID.
   */
  heartbeatClaim(request: HeartbeatClaimRequest, options?: CallOptions): Promise<ClaimBeat>;
  /**
   * A heartbeat that notes how far the work is.
   * Throws CALLBACK_REFUSED, JOB_NOT_FOUND, REQUEST_TIMEOUT, JOB_ID_INVALID.
   */
  reportProgress(request: ReportProgressRequest, options?: CallOptions): Promise<ClaimBeat>;
  /**
   * Completes a job with a result. A repeat is answered alike.
   * Throws CALLBACK_REFUSED, JOB_NOT_FOUND, REQUEST_TIMEOUT, STALE_ATTEMPT, JOB_ID_INVALID.
   */
  completeClaim(request: CompleteClaimRequest, options?: CallOptions): Promise<ClaimEnd>;
  /**
   * Ends an attempt that failed; the job is tried again as its type says.
   * Throws CALLBACK_REFUSED, JOB_NOT_FOUND, REQUEST_TIMEOUT, STALE_ATTEMPT, JOB_ID_INVALID, TIME_INVALID.
   */
  failClaim(request: FailClaimRequest, options?: CallOptions): Promise<ClaimEnd>;
  /**
   * Gives a job back into the queue, uncharged.
   * Throws CALLBACK_REFUSED, JOB_NOT_FOUND, REQUEST_TIMEOUT, STALE_ATTEMPT, JOB_ID_INVALID.
   */
  releaseClaim(request: ReleaseClaimRequest, options?: CallOptions): Promise<ClaimEnd>;
  /** Answers the metrics of this process and of the installation, for Prometheus. */
  getMetrics(request?: NoFields, options?: CallOptions): Promise<string>;
  /** Answers who makes the request, and what they may do. */
  getMe(request?: NoFields, options?: CallOptions): Promise<Me>;
  /**
   * Opens a session for a browser: the answer sets a cookie.
   * It ends after an hour without requests, after 12 hours, with its token, or by `logOut`. Five wrong tokens of one address in a minute are the most.
   * Throws ROUTE_NOT_FOUND, REQUEST_TIMEOUT.
   */
  logIn(request: LogInRequest, options?: CallOptions): Promise<Me>;
  /** Ends the session whose cookie the request carries, and removes the cookie. */
  logOut(request?: NoFields, options?: CallOptions): Promise<undefined>;
  /** Lists tokens, newest first, also those that cannot be used any more. */
  listTokens(request?: ListTokensRequest, options?: CallOptions): Promise<ListTokensAnswer>;
  /**
   * Makes a token; its secret is in this answer only.
   * Throws REQUEST_TIMEOUT, TOKEN_OPTIONS_INVALID.
   */
  createToken(request: CreateTokenRequest, options?: CallOptions): Promise<MadeToken>;
  /**
   * Revokes a token, and ends the sessions that were opened with it.
   * Every process knows it within 5 s. The token stays in the list.
   * Throws TOKEN_NOT_FOUND.
   */
  revokeToken(request: RevokeTokenRequest, options?: CallOptions): Promise<Token>;
}
