/** Why: explains one job from itself and from what stands around it. */
import { unstuckError } from '../domain/errors.ts';
import { whyOf } from '../domain/why.ts';
import type { Holder, Surroundings, Why } from '../domain/why-facts.ts';
import { explainJob, type WhyRow } from '../sql/why.ts';
import type { Database } from '../storage/database.ts';
import { readJob } from '../storage/jobs.ts';

/** A job that ends or starts between the two looks is looked at again, so often. */
const ROUNDS = 3;

/** Explains a job. Throws JOB_NOT_FOUND. */
export async function explainWhy(database: Database, id: string): Promise<Why> {
  for (let round = 1; ; round += 1) {
    const [row] = await database.run(explainJob, [id]);
    const job = await readJob(database, id);
    if (job === undefined)
      throw unstuckError(
        'JOB_NOT_FOUND',
        `There is no job ${id}. It never existed, or its retention has ended.`,
        { detail: { id } },
      );
    const fits = (row === undefined) === (job.finishedAt !== null);
    if (fits || round >= ROUNDS)
      return whyOf(job, row === undefined || job.finishedAt !== null ? null : toSurroundings(row));
  }
}

function toSurroundings(row: WhyRow): Surroundings {
  return {
    queue: row.queue,
    pause: pauseOf(row),
    fleet: { workers: row.workers, slots: row.slots, busy: row.busy },
    queuedBefore: row.queued_before,
    slotHeld: row.slot_held,
    ...linksOf(row),
    target: targetOf(row),
    executions:
      row.expected === null
        ? null
        : { expected: row.expected, live: row.children_live, ended: row.children_ended },
    worker: workerOf(row),
    finding: findingOf(row),
    sweepErrors: row.sweep_errors,
  };
}

function pauseOf(row: WhyRow): Surroundings['pause'] {
  const { pause_kind: kind, pause_name: name, pause_at: at } = row;
  if (kind === null || name === null || at === null) return null;
  return { kind, name, reason: row.pause_reason, by: row.pause_by, at, until: row.pause_until };
}

function linksOf(row: WhyRow): Pick<Surroundings, 'pool' | 'limit'> {
  const { rate_count: count, rate_ms: perMs } = row;
  const pool = {
    capacity: row.capacity,
    inUse: row.pool_used,
    waitingBefore: row.pool_before,
    holder: holderOf(row.pool_holder, row.pool_holder_type, row.pool_holder_since),
  };
  const limit = {
    running: row.limit_running,
    rate: count === null || perMs === null ? null : { count, perMs: Number(perMs) },
    inUse: row.limit_used,
    waitingBefore: row.limit_before,
    holder: holderOf(row.limit_holder, row.limit_holder_type, row.limit_holder_since),
  };
  return { pool: row.pool === null ? null : pool, limit: row.limit_key === null ? null : limit };
}

function holderOf(id: string | null, type: string | null, since: Date | null): Holder | null {
  return id === null || type === null || since === null ? null : { id, type, since };
}

function targetOf(row: WhyRow): Surroundings['target'] {
  if (row.target === null) return null;
  return {
    name: row.target,
    detail: row.target_words,
    usable: row.target_usable,
    url: row.target_url,
    probes: row.target_probes ?? 0,
    sends: row.target_sends,
    parkedAt: row.target_parked_at,
  };
}

function workerOf(row: WhyRow): Surroundings['worker'] {
  const { worker_name: name, worker_host: host, worker_pid: pid, lease_until: leaseUntil } = row;
  if (name === null || host === null || pid === null || leaseUntil === null) return null;
  const state = row.worker_state ?? 'dead';
  return { name, host, pid, state, leaseUntil, leaseOver: row.lease_over === true };
}

function findingOf(row: WhyRow): Why['finding'] {
  const { finding_reason: reason, finding_action: action } = row;
  if (reason === null || action === null || row.finding_seen === null || row.finding_look === null)
    return null;
  return { reason, action, firstSeen: row.finding_seen, nextLook: row.finding_look };
}
