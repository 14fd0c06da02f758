/** Remote Unstuck: an installation over HTTP, with the methods that commands use of one on PostgreSQL. */
import type { Enqueued, Job } from '../../domain/job.ts';
import type { JobQuery } from '../../domain/job-filter.ts';
import type { Notice } from '../../domain/target-notice.ts';
import type { WaitOptions } from '../../engine/waiter.ts';
import type { Client, JobInFull, ListJobsRequest, NewJob } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson, toJson } from './crossing.ts';
import { orUndefined } from './pages.ts';
import { lookUntil } from './patience.ts';
import { remoteAlerts } from './remote-alerts.ts';
import { remoteBulk } from './remote-bulk.ts';
import { remoteDeliveries } from './remote-deliveries.ts';
import { remoteExecutions, remoteLimits, remotePools } from './remote-links.ts';
import { remoteQueues } from './remote-queues.ts';
import { remoteRedis } from './remote-redis.ts';
import { remoteSchedules } from './remote-schedules.ts';
import { remoteTargets } from './remote-targets.ts';
import { remoteTokens } from './remote-tokens.ts';

/** The methods of `Unstuck` on a server; `by` is whoever its token belongs to. They throw what the server tells, and SERVER_UNREACHABLE. */
export function remoteUnstuck(client: Client): Operable {
  const notices = new WeakMap<Enqueued, Notice | null>();
  return {
    ...jobsOf(client, notices),
    ...changesOf(client),
    status: async () => fromJson(await client.getStatus()),
    stuck: async () => fromJson((await client.listFindings()).data),
    bulk: remoteBulk(client),
    audit: {
      list: async ({ limit, after } = {}) => {
        const { data, next_cursor: next } = await client.listAudit({ limit, cursor: after });
        return { entries: fromJson(data), next };
      },
    },
    alerts: remoteAlerts(client),
    tokens: remoteTokens(client),
    queues: remoteQueues(client),
    targets: remoteTargets(client, notices),
    pools: remotePools(client),
    limits: remoteLimits(client),
    executions: remoteExecutions(client),
    schedules: remoteSchedules(client),
    deliveries: remoteDeliveries(client),
    redis: remoteRedis(client),
  };
}

type Jobs = 'enqueue' | 'get' | 'list' | 'history' | 'explain' | 'wait';

function jobsOf(client: Client, notices: WeakMap<Enqueued, Notice | null>): Pick<Operable, Jobs> {
  return {
    enqueue: async (type, input, options = {}) => {
      const request = { ...toJson<NewJob>(options), type, input };
      const { id, created, enqueued, notice } = await client.enqueueJob(request);
      const answer = { id, created, reason: enqueued };
      notices.set(answer, fromJson(notice));
      return answer;
    },
    get: async (id) => {
      const found = await orUndefined(client.getJob({ id }), 'JOB_NOT_FOUND');
      return found === undefined ? undefined : jobOf(found);
    },
    list: async (query = {}) => {
      const { data, next_cursor: next } = await client.listJobs(toRequest(query));
      return { jobs: fromJson(data), next };
    },
    history: async (id) => {
      const timeline = await orUndefined(client.getTimeline({ id }), 'JOB_NOT_FOUND');
      return fromJson(timeline?.data ?? []);
    },
    explain: async (id) => fromJson(await client.explainJob({ id })),
    wait: (id, options = {}) => wait(client, id, options),
  };
}

function changesOf(client: Client): Pick<Operable, 'release' | 'cancel' | 'retry' | 'resetStuck'> {
  return {
    release: async (id, { reason } = {}) => fromJson(await client.releaseJob({ id, reason })),
    cancel: async (id, { reason } = {}) => fromJson(await client.cancelJob({ id, reason })),
    retry: async (id, { reason, input } = {}) =>
      fromJson(await client.retryJob({ id, reason, input })),
    resetStuck: async (minutes, { reason } = {}) =>
      fromJson(await client.resetStuck({ timeout_minutes: minutes, reason })),
  };
}

/** What else the answer tells of a job is asked for by itself. */
function jobOf({ sending: _sending, ...job }: JobInFull): Job {
  return fromJson(job);
}

/** `after` is `next` of the page before: here a cursor. */
function toRequest({ limit, after, state, ...filter }: JobQuery): ListJobsRequest {
  const states = state === undefined ? undefined : [state].flat();
  return { ...toJson<ListJobsRequest>(filter), state: states, limit, cursor: after };
}

async function wait(client: Client, id: string, options: WaitOptions): Promise<Job> {
  let state = 'not seen';
  const look = async (): Promise<Job | undefined> => {
    const job = jobOf(await client.getJob({ id }, { signal: options.signal }));
    state = job.state;
    return job.finishedAt === null ? undefined : job;
  };
  const late = (): string =>
    `Job ${id} is still ${state} after ${String(options.timeout)}; it goes on.`;
  return lookUntil(look, late, options);
}
