/** Status: the whole installation at a glance, and what in it is late. */
import {
  countFinished,
  countLive,
  listFindings,
  listTicks,
  listWorkers,
  readClock,
} from '../sql/inspect.ts';
import { listTroubled } from '../sql/target-look.ts';
import type { Database } from '../storage/database.ts';
import { overdueGraceMs } from './sweep-tasks.ts';

/** A count of jobs of one type in one state. */
export interface StateCount {
  readonly type: string;
  readonly state: string;
  /** The gate of pending jobs. */
  readonly waitsFor: string | null;
  readonly count: number;
  /** When the oldest of them was created (finished states: when the newest ended). */
  readonly at: Date;
  /** How many are past their deadline. */
  readonly late: number;
}

/** A worker process as the database sees it. */
export interface WorkerStatus {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly state: string;
  readonly types: readonly string[];
  readonly concurrency: number;
  readonly running: number;
  /** Handlers that never returned. */
  readonly ghosts: number;
  readonly loopLagMs: number;
  readonly beatMsAgo: number;
  readonly version: string;
  readonly startedAt: Date;
}

/** A remote worker that can be sent nothing now, or is tried. */
export interface TroubledTarget {
  readonly name: string;
  /** `down`, `half-open` (tried with one job), `paused` or `busy`. */
  readonly state: string;
  /** The same in words. */
  readonly words: string;
  /** Null while it is only busy. */
  readonly since: Date | null;
  /** Jobs that wait for it, at most 10,001. */
  readonly parked: number;
}

/** Why a group of jobs is late, who acts, and when it is looked at again. */
export interface Finding {
  readonly kind: string;
  readonly subject: string;
  readonly reason: string;
  readonly action: string;
  /** At most 10,001: then there are more. */
  readonly count: number;
  readonly oldest: Date;
  readonly firstSeen: Date;
  readonly nextLook: Date;
  readonly current: boolean;
}

/** The installation at one moment. */
export interface Status {
  readonly now: Date;
  readonly live: readonly StateCount[];
  /** Of the last 24 hours, at most 100,000 looked at for each state. */
  readonly finished: readonly StateCount[];
  readonly finishedCapped: boolean;
  readonly workers: readonly WorkerStatus[];
  /** Remote workers that are not simply up, at most 100. */
  readonly targets: readonly TroubledTarget[];
  readonly findings: readonly Finding[];
  /** Jobs past their deadline. */
  readonly late: number;
  /** Late jobs that no current finding explains: must be 0. */
  readonly stuck: number;
  /** Milliseconds since the sweep last ended a round well; null before the first. */
  readonly sweptMsAgo: number | null;
}

/** A job of which a finding could have told for less than this is the next round's business, not stuck. */
const ROUND_MS = 5_000;

/** Live jobs of one type in one state. */
interface Counted {
  readonly type: string;
  readonly state: string;
  readonly waits_for: string | null;
  readonly overdue: string;
}

/** Findings that are called as the gate at which their jobs wait. */
const OF_ONE_GATE: ReadonlySet<string> = new Set(['slot', 'limit', 'target']);
/** Findings that tell of no live jobs. */
const OF_NO_JOBS: ReadonlySet<string> = new Set(['loop', 'schedule', 'bridge']);

/** Reads the status. */
export async function readStatus(database: Database): Promise<Status> {
  const [clock, live, finished, workers, targets, findings, ticks] = await Promise.all([
    database.run(readClock),
    database.run(countLive, [ROUND_MS, overdueGraceMs(database.config)]),
    database.run(countFinished),
    database.run(listWorkers),
    database.run(listTroubled),
    readFindings(database),
    database.run(listTicks),
  ]);
  const counts = live.map((row) => ({
    type: row.type,
    state: row.state,
    waitsFor: row.waits_for,
    count: Number(row.count),
    at: row.oldest,
    late: Number(row.late),
  }));
  return {
    now: clock[0]?.now ?? new Date(),
    live: counts,
    finished: finished.map((row) => ({
      type: row.type,
      state: row.state,
      waitsFor: null,
      count: Number(row.count),
      at: row.newest,
      late: 0,
    })),
    finishedCapped: finished.some((row) => row.capped),
    workers: workers
      .filter((row) => row.state === 'live' || row.state === 'stopping')
      .map(toWorker),
    targets,
    findings,
    late: counts.reduce((sum, group) => sum + group.late, 0),
    stuck: [...stuckOf(live, findings).values()].reduce((sum, count) => sum + count, 0),
    sweptMsAgo: ticks.find((tick) => tick.name === 'sweep')?.ok_ms ?? null,
  };
}

/** Returns how many late jobs no current finding explains, by type: what `stuck` of the status adds up. */
export async function countStuck(database: Database): Promise<ReadonlyMap<string, number>> {
  const [live, findings] = await Promise.all([
    database.run(countLive, [ROUND_MS, overdueGraceMs(database.config)]),
    readFindings(database),
  ]);
  return stuckOf(live, findings);
}

function stuckOf(live: readonly Counted[], findings: readonly Finding[]): Map<string, number> {
  const stuck = new Map<string, number>();
  for (const row of live) {
    const count = isExplained(row, findings) ? 0 : Number(row.overdue);
    if (count > 0) stuck.set(row.type, (stuck.get(row.type) ?? 0) + count);
  }
  return stuck;
}

/** Reads the current findings. */
export async function readFindings(database: Database): Promise<Finding[]> {
  const rows = await database.run(listFindings);
  return rows.map(({ first_seen, next_look, count, ...row }) => ({
    ...row,
    count: Number(count),
    firstSeen: first_seen,
    nextLook: next_look,
  }));
}

/** Stuck is late and unexplained, or past the next look of its finding. */
function isExplained(row: Omit<Counted, 'overdue'>, findings: readonly Finding[]): boolean {
  return findings.some((finding) => {
    if (!finding.current || OF_NO_JOBS.has(finding.kind)) return false;
    if (finding.kind === 'queued') return row.state === 'queued' && row.type === finding.subject;
    if (finding.kind === 'running') return row.state === 'running';
    if (OF_ONE_GATE.has(finding.kind)) return row.waits_for === finding.kind;
    return row.waits_for === finding.subject;
  });
}

function toWorker(row: {
  id: string;
  name: string;
  pid: number;
  state: string;
  types: string[];
  concurrency: number;
  running: number;
  ghosts: number;
  loop_lag_ms: number;
  beat_ms: number;
  version: string;
  started_at: Date;
}): WorkerStatus {
  const { loop_lag_ms, beat_ms, started_at, ...rest } = row;
  return {
    id: rest.id,
    name: rest.name,
    pid: rest.pid,
    state: rest.state,
    types: rest.types,
    concurrency: rest.concurrency,
    running: rest.running,
    ghosts: rest.ghosts,
    loopLagMs: loop_lag_ms,
    beatMsAgo: Math.round(beat_ms),
    version: rest.version,
    startedAt: started_at,
  };
}
