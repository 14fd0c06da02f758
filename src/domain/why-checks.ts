/** Why checks: the conditions that a job meets on its way, in their order. */
import type { Job } from './job.ts';
import type { Check, Surroundings } from './why-facts.ts';

/** The gates in the order in which jobs pass them; a queued job has passed all, and a running one the worker too. */
const ORDER = ['admit', 'hold', 'slot', 'time', 'target', 'limit', 'worker', 'lease'] as const;

/** The conditions that concern a job at all, in their order. */
export function checksOf(job: Job, around: Surroundings): Check[] {
  const place = ORDER.indexOf(gateOf(job));
  const at = (gate: (typeof ORDER)[number]): boolean | null => {
    const own = ORDER.indexOf(gate);
    return own < place ? true : own === place ? false : null;
  };
  const checks: (Check | undefined)[] = [
    {
      name: 'admit',
      passed: at('admit'),
      detail:
        around.queue === null
          ? 'nobody has defined its type'
          : `its type is in the queue "${around.queue}"`,
      evidence: { queue: around.queue },
    },
    {
      name: 'hold',
      passed: at('hold'),
      detail: job.waitsFor === 'hold' ? 'held' : 'not held',
      evidence: {},
    },
    slotCheck(job, around, at('slot')),
    timeCheck(job, at('time')),
    targetCheck(job, around, at('target')),
    limitCheck(job, around, at('limit')),
    executionsCheck(job, around),
    pauseCheck(around),
    workerCheck(job, around, at('worker')),
    leaseCheck(job, around),
  ];
  return checks.filter((check) => check !== undefined);
}

function gateOf({ state, waitsFor }: Job): (typeof ORDER)[number] {
  if (state === 'running') return 'lease';
  if (waitsFor === 'retry') return 'time';
  // A parent has run already: it stands before a worker again.
  if (waitsFor === 'executions') return 'worker';
  return ORDER.find((gate) => gate === waitsFor) ?? 'worker';
}

function slotCheck({ pool }: Job, around: Surroundings, passed: boolean | null): Check | undefined {
  if (pool === null) return undefined;
  const { capacity = null, inUse = 0, waitingBefore = 0, holder = null } = around.pool ?? {};
  const use =
    capacity === null
      ? `there is no pool "${pool}"`
      : `${some(inUse)} of ${capacity} slots of "${pool}" are in use`;
  return {
    name: 'slot',
    passed: around.slotHeld ? true : passed,
    detail: around.slotHeld ? `holds a slot of "${pool}"` : use,
    evidence: { pool, capacity, inUse, waitingBefore, holder },
  };
}

function timeCheck({ runAt, waitsFor, deadline }: Job, passed: boolean | null): Check | undefined {
  const waits = waitsFor === 'time' || waitsFor === 'retry';
  if (runAt === null && !waits) return undefined;
  const time = waits ? deadline : runAt;
  return {
    name: 'time',
    passed,
    detail: `${waitsFor === 'retry' ? 'tried again' : 'not'} before ${time?.toISOString()}`,
    evidence: { at: time },
  };
}

function targetCheck(
  { waitsFor }: Job,
  { target }: Surroundings,
  passed: boolean | null,
): Check | undefined {
  if (target === null) return undefined;
  const { name, url, detail, sends, parkedAt } = target;
  const where = url === null ? '' : ` (${url})`;
  const waits = waitsFor === 'target';
  const since =
    waits && parkedAt !== null ? `; the job waits for it since ${parkedAt.toISOString()}` : '';
  const sent = sends === 0 ? '' : `; it was sent ${sends === 1 ? 'once' : `${sends} times`}`;
  return {
    name: 'target',
    passed: waits ? false : passed,
    detail: `target "${name}"${where} is ${detail ?? 'not known any more'}${since}${sent}`,
    evidence: { ...target },
  };
}

function limitCheck(
  { limitKey }: Job,
  { limit }: Surroundings,
  passed: boolean | null,
): Check | undefined {
  if (limitKey === null) return undefined;
  const { running = null, rate = null, inUse = 0, waitingBefore = 0, holder = null } = limit ?? {};
  const most = running === null ? '' : ` of ${running}`;
  return {
    name: 'limit',
    passed,
    detail: `${some(inUse)}${most} at "${limitKey}" are in the queue or running`,
    evidence: { limitKey, running, rate, inUse, waitingBefore, holder },
  };
}

function executionsCheck({ waitsFor }: Job, { executions }: Surroundings): Check | undefined {
  if (executions === null && waitsFor !== 'executions') return undefined;
  const { expected = 0, live = 0, ended = 0 } = executions ?? {};
  return {
    name: 'executions',
    passed: waitsFor !== 'executions',
    detail: `${ended} of ${expected} executions have ended, ${live} are live`,
    evidence: { expected, live, ended },
  };
}

function pauseCheck({ pause }: Surroundings): Check {
  return {
    name: 'pause',
    passed: pause === null,
    detail:
      pause === null
        ? 'neither its type nor its queue is paused'
        : `${pause.kind} "${pause.name}" is ${pausedInWords(pause)}`,
    evidence: pause === null ? {} : { ...pause },
  };
}

function workerCheck(
  { state }: Job,
  { fleet, queuedBefore }: Surroundings,
  passed: boolean | null,
): Check {
  const { workers, slots, busy } = fleet;
  const found =
    workers === 0
      ? 'no live worker handles its type'
      : `${workers} workers handle its type, ${busy} of their ${slots} slots are busy`;
  const before =
    state === 'queued' && queuedBefore > 0 ? `; ${some(queuedBefore)} jobs are before it` : '';
  return {
    name: 'worker',
    passed,
    detail: `${found}${before}`,
    evidence: { ...fleet, queuedBefore },
  };
}

function leaseCheck({ state, deadline }: Job, { worker }: Surroundings): Check | undefined {
  if (state !== 'running') return undefined;
  const alive = worker !== null && !worker.leaseOver && ['live', 'stopping'].includes(worker.state);
  return {
    name: 'lease',
    passed: alive,
    detail:
      worker === null
        ? 'there is no such worker'
        : `worker ${worker.name} is ${worker.state}, its lease ${worker.leaseOver ? 'is over' : 'holds'}; its time ends at ${deadline?.toISOString()}`,
    evidence: { ...worker, expiresAt: deadline },
  };
}

/** A pause in words. */
export function pausedInWords({
  at,
  by,
  reason,
  until,
}: NonNullable<Surroundings['pause']>): string {
  const who = by === null ? '' : ` by ${by}`;
  const why = reason === null ? '' : `: ${reason}`;
  const end = until === null ? 'without an end' : `until ${until.toISOString()}`;
  return `paused since ${at.toISOString()}${who}${why}; ${end}`;
}

const COUNT_MAX = 10_000;

/** A count that ends at 10,000, in words. */
export function some(count: number): string {
  return count > COUNT_MAX ? `more than ${COUNT_MAX}` : String(count);
}
