/** Look: what the installation looks like now, and what of that is other than a moment ago. One look serves all viewers of a process. */
import { snakeJson } from '../../domain/json.ts';
import type { Status } from '../../engine/status.ts';
import type { WatchedJob } from '../../features/watch.ts';
import type { Unstuck } from '../../unstuck.ts';

/** An event before it has a number. */
export interface News {
  readonly name: 'overview' | 'changed' | 'job';
  readonly data: unknown;
  readonly job?: string;
}

/** How a watched job was last seen. */
interface Seen {
  readonly text: string;
  /** Ended, or not there any more: then only a retry by hand is looked for, among the live jobs. */
  readonly over: boolean;
}

/** What was read of the watched jobs. */
interface ReadJobs {
  readonly found: readonly WatchedJob[];
  /** Ids that are neither live nor kept. */
  readonly missing: readonly string[];
}

/** More watched jobs are looked at by turns. */
const JOBS_PER_LOOK = 1_000;
/** What changes all the time (when was the last sweep?) is told at least so often. */
const OVERVIEW_EVERY_MS = 10_000;

/** Remembers what was last seen, and finds what differs. */
export class Look {
  #unstuck: Pick<Unstuck, 'status' | 'watch'>;
  #marks = new Map<string, string>();
  #seen = new Map<string, Seen>();
  #missing = new Set<string>();
  #counts = '';
  #toldAt = Number.NEGATIVE_INFINITY;
  #turn = 0;

  constructor(unstuck: Pick<Unstuck, 'status' | 'watch'>) {
    this.#unstuck = unstuck;
  }

  /** Looks once, in a number of statements that does not grow with the viewers, and returns what is new. Throws what the database throws. */
  async news(watched: ReadonlySet<string>, nowMs: number): Promise<News[]> {
    const status = await this.#unstuck.status();
    const [marks, read] = await Promise.all([this.#unstuck.watch.marks(), this.#read(watched)]);
    // Only when everything has been read is anything remembered: what a failed look saw would never be told.
    return [
      ...this.#overview(status, nowMs),
      ...this.#changed(new Map([...marks, ...marksOf(status)])),
      ...this.#jobs(read),
    ];
  }

  /** Makes the next look tell of these jobs although nothing about them has changed: somebody new watches them. */
  forget(jobs: Iterable<string>): void {
    for (const id of jobs) this.#seen.delete(id);
  }

  #overview(status: Status, nowMs: number): News[] {
    const overview = overviewOf(status);
    const { at: _at, swept_ms_ago: _swept, ...counts } = overview;
    const text = JSON.stringify(counts);
    if (text === this.#counts && nowMs - this.#toldAt < OVERVIEW_EVERY_MS) return [];
    this.#counts = text;
    this.#toldAt = nowMs;
    return [{ name: 'overview', data: overview }];
  }

  /** The first look has nothing to compare with. */
  #changed(marks: ReadonlyMap<string, string>): News[] {
    const first = this.#marks.size === 0;
    const topics = [...marks].filter(([topic, mark]) => this.#marks.get(topic) !== mark);
    this.#marks = new Map(marks);
    if (first) return [];
    return topics.map(([topic]) => ({ name: 'changed', data: { topic } }));
  }

  async #read(watched: ReadonlySet<string>): Promise<ReadJobs> {
    for (const id of this.#seen.keys()) if (!watched.has(id)) this.#seen.delete(id);
    const ids = this.#turnOf([...watched]);
    const live = await this.#unstuck.watch.live(ids);
    const there = new Set(live.map(({ id }) => id));
    const gone = ids.filter((id) => !there.has(id) && this.#seen.get(id)?.over !== true);
    const ended = await this.#unstuck.watch.ended(gone);
    for (const { id } of ended) there.add(id);
    return { found: [...live, ...ended], missing: gone.filter((id) => !there.has(id)) };
  }

  #jobs({ found, missing }: ReadJobs): News[] {
    const lost = missing.filter((id) => this.#missing.has(id));
    // Between the two statements a job may have gone back into the queue: only who is missing twice is not there.
    this.#missing = new Set(missing);
    return [
      ...found.flatMap((job) => this.#told(job.id, snakeJson(job), job)),
      ...lost.flatMap((id) => this.#told(id, { id, state: null })),
    ];
  }

  #told(id: string, data: unknown, job?: WatchedJob): News[] {
    const text = JSON.stringify(data);
    if (this.#seen.get(id)?.text === text) return [];
    this.#seen.set(id, { text, over: job === undefined || job.finishedAt !== null });
    return [{ name: 'job', data, job: id }];
  }

  #turnOf(ids: readonly string[]): readonly string[] {
    if (ids.length <= JOBS_PER_LOOK) return ids;
    const parts = Math.ceil(ids.length / JOBS_PER_LOOK);
    this.#turn = (this.#turn + 1) % parts;
    return ids.slice(this.#turn * JOBS_PER_LOOK, (this.#turn + 1) * JOBS_PER_LOOK);
  }
}

/** The numbers that a person sees first; well below 2 kB however large the installation is. */
function overviewOf(status: Status): Record<string, unknown> {
  const { live, finished, workers, findings } = status;
  const states: Record<string, number> = {
    pending: 0,
    queued: 0,
    running: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
  };
  for (const { state, count } of [...live, ...finished])
    states[state] = (states[state] ?? 0) + count;
  return {
    at: status.now.toISOString(),
    states,
    finished_capped: status.finishedCapped,
    late: status.late,
    stuck: status.stuck,
    findings: findings.filter(({ current }) => current).length,
    workers: {
      count: workers.length,
      running: sum(workers.map(({ running }) => running)),
      concurrency: sum(workers.map(({ concurrency }) => concurrency)),
    },
    swept_ms_ago: status.sweptMsAgo === null ? null : Math.round(status.sweptMsAgo),
  };
}

/** Marks of what changes by itself: counts of jobs, findings without the time of their next look, who works. */
function marksOf({ live, finished, findings, workers }: Status): [string, string][] {
  const counts = [...live, ...finished].map(({ type, state, waitsFor, count }) => [
    type,
    state,
    waitsFor,
    count,
  ]);
  const found = findings.map(({ kind, subject, reason, count }) => [kind, subject, reason, count]);
  const working = workers.map(({ id, state, types }) => [id, state, types]);
  return [
    ['jobs', JSON.stringify(counts)],
    ['findings', JSON.stringify(found)],
    ['workers', JSON.stringify(working)],
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
