/** What the database says of the whole installation, as metrics. Every server tells the same: with several take `max by`. */
import { OTHER } from '../../domain/meter.ts';
import type { Finding, Status } from '../../engine/status.ts';
import { counter, type Family, gauge, type Labels } from './family.ts';
import type { Snapshot } from './snapshot.ts';

/** A value with its labels. */
export type Value = readonly [Labels, number];
/** How the values of names past the 200th become the one of `_other`. */
type Joined = 'sum' | 'max' | 'min';

const NAMES_MAX = 200;
const JOIN: Readonly<Record<Joined, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
};

/** The metrics of an installation. */
export function databaseFamilies(snapshot: Snapshot): Family[] {
  const { status } = snapshot;
  return [
    ...jobFamilies(status),
    ...findingFamilies(status),
    ...workerFamilies(status),
    ...queueFamilies(snapshot),
    ...poolFamilies(snapshot),
    ...limitFamilies(snapshot),
    ...scheduleFamilies(snapshot),
    ...targetFamilies(snapshot),
  ];
}

function jobFamilies({ live, late, stuck, now }: Status): Family[] {
  const queued = live.filter(({ state }) => state === 'queued');
  const waiting = live.filter(({ waitsFor }) => waitsFor !== null);
  return [
    gauge(
      'unstuck_jobs',
      'Live jobs.',
      bounded(
        'type',
        live.map(({ type, state, count }) => [{ type, state }, count]),
      ),
    ),
    gauge(
      'unstuck_jobs_waiting',
      'Pending jobs by the gate at which they stand.',
      bounded(
        'type',
        waiting.map(({ type, waitsFor, count }) => [{ type, waits_for: waitsFor ?? '' }, count]),
      ),
    ),
    gauge('unstuck_jobs_late', 'Live jobs past their deadline.', [[{}, late]]),
    gauge('unstuck_jobs_stuck', 'Late jobs that no finding explains: must be 0.', [[{}, stuck]]),
    gauge(
      'unstuck_jobs_oldest_queued_age_seconds',
      'How long ago the oldest queued job was enqueued.',
      bounded(
        'type',
        queued.map(({ type, at }) => [{ type }, ageOf(at, now)]),
        'max',
      ),
    ),
  ];
}

function findingFamilies({ findings, sweptMsAgo, now }: Status): Family[] {
  const current = findings.filter((finding) => finding.current);
  const ages = current.map(({ kind, oldest }: Finding): Value => [{ kind }, ageOf(oldest, now)]);
  return [
    gauge(
      'unstuck_findings',
      'Groups of late jobs for which a reason is known.',
      joined(
        current.map(({ kind }) => [{ kind }, 1]),
        'sum',
      ),
    ),
    gauge(
      'unstuck_finding_overdue_seconds',
      'For how long what a finding tells of has been past its deadline.',
      joined(ages, 'max'),
    ),
    gauge('unstuck_sweep_age_seconds', 'Time since the sweep last ended a round well.', [
      [{}, sweptMsAgo === null ? null : sweptMsAgo / 1_000],
    ]),
  ];
}

function workerFamilies({ workers }: Status): Family[] {
  const total = (pick: (worker: Status['workers'][number]) => number): Value[] => [
    [{}, workers.reduce((sum, worker) => sum + pick(worker), 0)],
  ];
  const most = (pick: (worker: Status['workers'][number]) => number): Value[] =>
    workers.length === 0 ? [] : [[{}, Math.max(...workers.map(pick))]];
  return [
    gauge(
      'unstuck_workers',
      'Worker processes.',
      joined(
        workers.map(({ state, version }) => [{ state, version }, 1]),
        'sum',
      ),
    ),
    gauge(
      'unstuck_worker_running',
      'Handlers that run, of all workers.',
      total(({ running }) => running),
    ),
    gauge(
      'unstuck_worker_concurrency',
      'Handlers that all workers would run at once.',
      total(({ concurrency }) => concurrency),
    ),
    gauge(
      'unstuck_worker_ghosts',
      'Handlers that never returned.',
      total(({ ghosts }) => ghosts),
    ),
    gauge(
      'unstuck_worker_loop_lag_seconds',
      'The longest delay of the event loop that a worker has reported.',
      most(({ loopLagMs }) => loopLagMs / 1_000),
    ),
    gauge(
      'unstuck_worker_heartbeat_age_seconds',
      'The age of the oldest heartbeat of a worker.',
      most(({ beatMsAgo }) => Math.max(0, beatMsAgo) / 1_000),
    ),
  ];
}

function queueFamilies({ queues, status: { now } }: Snapshot): Family[] {
  const counts = queues.flatMap(({ name: queue, pending, queued, running }): Value[] => [
    [{ queue, state: 'pending' }, pending],
    [{ queue, state: 'queued' }, queued],
    [{ queue, state: 'running' }, running],
  ]);
  const ages = queues.flatMap(({ name: queue, oldest }): Value[] =>
    oldest === null ? [] : [[{ queue }, ageOf(oldest, now)]],
  );
  return [
    gauge('unstuck_queue_jobs', 'Live jobs of a queue.', bounded('queue', counts)),
    gauge(
      'unstuck_queue_oldest_age_seconds',
      'How long ago the oldest live job of a queue was enqueued.',
      bounded('queue', ages, 'max'),
    ),
    gauge(
      'unstuck_queue_paused',
      '1 while nothing of the queue is started.',
      bounded(
        'queue',
        queues.map(({ name, paused }) => [{ queue: name }, paused ? 1 : 0]),
        'max',
      ),
    ),
  ];
}

function poolFamilies({ pools, status: { now } }: Snapshot): Family[] {
  const of = (pick: (pool: Snapshot['pools'][number]) => number, how: Joined = 'sum'): Value[] =>
    bounded(
      'pool',
      pools.map((pool) => [{ pool: pool.key }, pick(pool)]),
      how,
    );
  return [
    gauge(
      'unstuck_pool_capacity',
      'Slots of a pool.',
      of(({ capacity }) => capacity),
    ),
    gauge(
      'unstuck_pool_reserved',
      'Slots that live jobs hold.',
      of(({ reserved }) => reserved),
    ),
    gauge(
      'unstuck_pool_waiting',
      'Jobs that wait for a slot.',
      of(({ waiting }) => waiting),
    ),
    gauge(
      'unstuck_pool_oldest_hold_age_seconds',
      'The age of the oldest job that holds a slot; 0 while none does.',
      of(({ oldest }) => (oldest === null ? 0 : ageOf(oldest.since, now)), 'max'),
    ),
    counter(
      'unstuck_pool_completed_total',
      'Jobs of a pool that have completed since it was made.',
      of(({ processed }) => processed),
    ),
  ];
}

function limitFamilies({ limits }: Snapshot): Family[] {
  const running = limits.flatMap(({ name: limit, running: most }): Value[] =>
    most === null ? [] : [[{ limit }, most]],
  );
  const rates = limits.flatMap(({ name: limit, rate }): Value[] =>
    rate === null ? [] : [[{ limit }, (rate.count * 1_000) / rate.perMs]],
  );
  return [
    gauge(
      'unstuck_limit_running_max',
      'How many jobs may run at once at one key of a limit.',
      bounded('limit', running, 'max'),
    ),
    gauge(
      'unstuck_limit_starts_per_second_max',
      'How many jobs may start in a second at one key of a limit, on average.',
      bounded('limit', rates, 'max'),
    ),
  ];
}

function scheduleFamilies({ schedules }: Snapshot): Family[] {
  const counts = (pick: (schedule: Snapshot['schedules'][number]) => number): Value[] =>
    bounded(
      'schedule',
      schedules.map((one) => [{ schedule: one.name }, pick(one)]),
    );
  const last = schedules.flatMap(({ name: schedule, lastAt }): Value[] =>
    lastAt === null ? [] : [[{ schedule }, lastAt.getTime() / 1_000]],
  );
  const next = schedules.map(
    ({ name, nextAt }): Value => [{ schedule: name }, nextAt.getTime() / 1_000],
  );
  return [
    gauge(
      'unstuck_schedule_last_run_timestamp_seconds',
      'The nominal time of the latest run.',
      bounded('schedule', last, 'min'),
    ),
    gauge(
      'unstuck_schedule_next_run_timestamp_seconds',
      'The next nominal time.',
      bounded('schedule', next, 'min'),
    ),
    counter(
      'unstuck_schedule_runs_total',
      'Runs that a schedule has started.',
      counts(({ firedTimes }) => firedTimes),
    ),
    counter(
      'unstuck_schedule_missed_total',
      'Nominal times that passed unfired and were not made up for.',
      counts(({ missedTimes }) => missedTimes),
    ),
    counter(
      'unstuck_schedule_skipped_total',
      'Runs that were left out because the one before was live.',
      counts(({ skippedTimes }) => skippedTimes),
    ),
    gauge(
      'unstuck_schedule_failing',
      '1 while a schedule cannot be fired.',
      bounded(
        'schedule',
        schedules.map(({ name, error }) => [{ schedule: name }, error ? 1 : 0]),
        'max',
      ),
    ),
  ];
}

function targetFamilies({ targets }: Snapshot): Family[] {
  return [
    gauge(
      'unstuck_target_up',
      '1 while a remote worker answers, 0 while it is down or tried with one job.',
      bounded(
        'target',
        targets.map(({ name, state }) => [{ target: name }, state === 'up' ? 1 : 0]),
        'min',
      ),
    ),
    gauge(
      'unstuck_target_parked_jobs',
      'Jobs that wait for a remote worker, at most 10,001.',
      bounded(
        'target',
        targets.map(({ name, parked }) => [{ target: name }, parked]),
      ),
    ),
  ];
}

/** Values by their labels; the names past the 200th are taken together. */
export function bounded(label: string, values: readonly Value[], how: Joined = 'sum'): Value[] {
  const names = [...new Set(values.map(([labels]) => labels[label]))].toSorted(inOrder);
  const kept = new Set(names.slice(0, NAMES_MAX));
  return joined(
    values.map(([labels, value]): Value => {
      const name = labels[label];
      return [kept.has(name) ? labels : { ...labels, [label]: OTHER }, value];
    }),
    how,
  );
}

/** One value for each set of labels: a scrape with the same twice is refused as a whole. */
function joined(values: readonly Value[], how: Joined): Value[] {
  const found = new Map<string, Value>();
  for (const [labels, value] of values) {
    const key = JSON.stringify(labels);
    const before = found.get(key)?.[1];
    found.set(key, [labels, before === undefined ? value : JOIN[how](before, value)]);
  }
  return [...found.values()];
}

function inOrder(a: unknown, b: unknown): number {
  return String(a) < String(b) ? -1 : 1;
}

/** The seconds from one instant to another, not below 0. */
export function ageOf(at: Date, now: Date): number {
  return Math.max(0, now.getTime() - at.getTime()) / 1_000;
}
