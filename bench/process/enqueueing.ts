/** The ways in which a producer enqueues: callers that await each job, bulk, at a fixed rate, one now and then. */
import { nowMs, pause } from '../core/monotonic.ts';
import { makePayload } from '../core/payload.ts';
import type { Producer } from '../core/system.ts';
import type { Bulk, Timed } from './messages.ts';

const TYPE = 'bench';
const TICK_MS = 2;

/** Lets each caller enqueue one job after the other, awaiting each, for the given time. */
export async function enqueueOnes(
  producer: Producer,
  { callers, ms, bytes }: { callers: number; ms: number; bytes?: number },
): Promise<Timed> {
  let jobs = 0;
  const until = nowMs() + ms;
  return timed(async () => {
    const caller = async (): Promise<void> => {
      while (nowMs() < until) {
        await producer.one(makePayload(jobs, nowMs(), bytes), { type: TYPE });
        jobs += 1;
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    return jobs;
  });
}

/** Enqueues all jobs through the bulk interface; the types take turns by call. */
export async function enqueueMany(producer: Producer, bulk: Bulk): Promise<Timed> {
  const { jobs, perCall, callers, types, bytes, delayMs } = bulk;
  let taken = 0;
  let calls = 0;
  return timed(async () => {
    const caller = async (): Promise<void> => {
      while (taken < jobs) {
        const first = taken;
        const count = Math.min(perCall, jobs - taken);
        taken += count;
        const type = types[calls % types.length] ?? TYPE;
        calls += 1;
        const payloads = Array.from({ length: count }, (_, at) =>
          makePayload(first + at, nowMs(), bytes),
        );
        await producer.many(payloads, delayMs === undefined ? { type } : { type, delayMs });
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    return jobs;
  });
}

/**
 * Enqueues single jobs at a fixed rate without waiting for the ones before, and counts those that were committed in time.
 * A job's clock starts when it was due, so a producer that falls behind does not look fast.
 */
export async function enqueuePaced(
  producer: Producer,
  { perSecond, ms }: { perSecond: number; ms: number },
): Promise<Timed> {
  const from = nowMs();
  let sent = 0;
  let committed = 0;
  const failures: unknown[] = [];
  const timing = await timed(async () => {
    for (let now = from; now < from + ms; now = nowMs()) {
      for (const due = ((now - from) / 1_000) * perSecond; sent < due; sent += 1) {
        const payload = makePayload(sent, from + (sent / perSecond) * 1_000);
        producer.one(payload, { type: TYPE }).then(
          () => {
            committed += 1;
          },
          (error: unknown) => {
            failures.push(error);
          },
        );
      }
      await pause(TICK_MS);
    }
    return committed;
  });
  if (failures.length > 0)
    throw new Error(`${failures.length} enqueues failed`, { cause: failures[0] });
  return timing;
}

/** Enqueues one job at a time with a gap, as on an idle system; answers how long each call took. */
export async function enqueueSpaced(
  producer: Producer,
  { jobs, gapMs }: { jobs: number; gapMs: number },
): Promise<number[]> {
  const calls: number[] = [];
  for (let n = 0; n < jobs; n += 1) {
    const from = nowMs();
    await producer.one(makePayload(n, from), { type: TYPE });
    calls.push(nowMs() - from);
    await pause(gapMs);
  }
  return calls;
}

async function timed(run: () => Promise<number>): Promise<Timed> {
  const cpu = process.cpuUsage();
  const from = nowMs();
  const jobs = await run();
  const ms = nowMs() - from;
  const used = process.cpuUsage(cpu);
  return { jobs, ms, cpuMs: (used.user + used.system) / 1_000 };
}
