/** Claimer: takes jobs for one worker, remembering where in each type's queue it was. */
import { randomUUID } from 'node:crypto';
import type { AnyJob } from '../domain/define-job.ts';
import {
  type ClaimRow,
  claimAlone,
  claimDurably,
  findHeads,
  finishAndClaim,
  type SentClaimRow,
  stampAlone,
} from '../sql/claim.ts';
import { findForeign } from '../sql/lifeline.ts';
import { monotonicMs } from '../std/timer.ts';
import { type ClaimAnswer, readClaim } from '../storage/claim-answer.ts';
import type { Database } from '../storage/database.ts';
import type { Attempt } from './attempt.ts';
import type { ClaimCommit } from './claim-commit.ts';
import { type Cursor, Cursors, START } from './cursors.ts';
import type { AttemptRef } from './lifeline-messages.ts';
import { traceReceive } from './receive-trace.ts';

/** What a claim brought. */
export interface Claimed extends ClaimAnswer {
  /** It looked for the oldest jobs only, and found fewer than there is room for: others may well be there. */
  readonly again: boolean;
  /** The id of the claim. */
  readonly claimId: string;
  /** Monotonic time just before the claim was sent: a reply that took longer than a beat must be confirmed. */
  readonly sentAt: number;
}

interface WantedType {
  readonly type: string;
  readonly queue: string;
  readonly timeoutMs: number;
}

const RESCAN_MS = 1_000;
/** While there is more than a claim takes, one claim in so many goes to the oldest jobs, so that a low priority waits a bounded time (B11). */
const OLDEST_EVERY = 10;

/** Claims under one worker id. */
export class Claimer {
  readonly workerId: string;
  /** The claims that are on their way. */
  readonly inFlight: Set<string> = new Set();
  /** Those whose jobs have all ended, until its lifeline takes their ids. */
  readonly over: string[] = [];
  #database: Database;
  #types: WantedType[];
  #cursors: Cursors;
  #rescannedAt = Number.NEGATIVE_INFINITY;
  #rescanSoon = false;
  /** One is on its way. Of two, the older one's answer might come last, and hide what the other has left. */
  #rescanning = false;
  #scanMs = 0;
  #claims = 0;
  /** Jobs taken since a claim went to the oldest: the next one takes no more than their share, however large claims have become meanwhile. */
  #since = 0;
  /** Whose turn it is to be first: among all types, and among those whose oldest jobs are looked for. */
  #turns = { any: 0, oldest: 0 };
  /** Just before the oldest job of types in whose queues others stand before it. */
  #oldest = new Map<string, Cursor>();
  #headsAt = Number.NEGATIVE_INFINITY;
  /** The last claim took as much as it might. */
  #isBehind = false;
  #commit: ClaimCommit | undefined;

  constructor(
    database: Database,
    workerId: string,
    definitions: readonly Pick<AnyJob, 'type' | 'queue' | 'timeoutMs'>[],
    /** Without one, its claims are on disk before anybody hears of them. */
    commit?: ClaimCommit,
  ) {
    this.#database = database;
    this.#commit = commit;
    this.workerId = workerId;
    this.#types = definitions.map((d) => ({
      type: d.type,
      queue: d.queue,
      timeoutMs: d.timeoutMs ?? database.config.timeout,
    }));
    this.#cursors = new Cursors(this.#types.length);
  }

  /** Claims up to `limit` jobs; `ends` (see `endColumns`) are written by the same statement. */
  async claim(limit: number, ends: readonly (string | null)[] | undefined): Promise<Claimed> {
    this.#claims += 1;
    const toOldest = this.#claims % OLDEST_EVERY === 0 && this.#isBehind && this.#oldest.size > 0;
    return toOldest ? this.#claimOldest(limit, ends) : this.#claimNext(limit, ends);
  }

  /** Claims where its cursors are. */
  async #claimNext(limit: number, ends: readonly (string | null)[] | undefined): Promise<Claimed> {
    const rescans = this.#rescanIsDue();
    const types = this.#inTurn();
    const wanted = types.map((one) => asked(one, rescans ? START : this.#cursors.behind(one.type)));
    const departure = this.#cursors.depart((types[0] as WantedType).type, limit, rescans);
    try {
      const result = await this.#send(limit, wanted, ends);
      this.#since += result.jobs.length;
      this.#isBehind = result.jobs.length >= limit;
      this.#cursors.arrive(departure, result.jobs);
      return result;
    } catch (error) {
      this.#cursors.fail();
      throw error;
    } finally {
      if (rescans) this.#rescanning = false;
    }
  }

  /** Claims the oldest jobs first, of types in whose queues others stand before them. */
  async #claimOldest(
    limit: number,
    ends: readonly (string | null)[] | undefined,
  ): Promise<Claimed> {
    const share = Math.max(1, Math.ceil(this.#since / (OLDEST_EVERY - 1)));
    const most = Math.min(limit, share);
    const result = await this.#send(most, this.#wantedOldest(), ends);
    this.#since = 0;
    // Others have taken them; what stands before them is still there.
    if (result.jobs.length < most) this.#oldest.clear();
    return { ...result, again: result.jobs.length < limit };
  }

  /** Finds out, at most once a second and only while there is more than a claim takes, in whose queues an older job stands behind others. */
  async lookForOldest(): Promise<void> {
    if (!this.#isBehind || monotonicMs() - this.#headsAt < RESCAN_MS) return;
    this.#headsAt = monotonicMs();
    const heads = await this.#database.run(findHeads, [this.#types.map(({ type }) => type)]);
    this.#oldest = oldestBehind(heads);
  }

  /** Claims one job that must run alone; `idle`: this worker runs nothing else. */
  async claimAlone(idle: boolean): Promise<ClaimRow | undefined> {
    const types = JSON.stringify(this.#inTurn().map((one) => asked(one, START)));
    const { jobs } = await this.#sent(1, (claimId) =>
      this.#database.run(claimAlone, [this.workerId, claimId, types, 1, idle]),
    );
    return jobs[0];
  }

  /** Keeps the time of a job that waits for its turn alone, or starts it; false when it is no longer ours. */
  async stampAlone(
    { row, timeoutMs }: Pick<Attempt, 'row' | 'timeoutMs'>,
    start: 'wait' | 'start',
  ): Promise<boolean> {
    const values = [this.workerId, row.id, row.token, timeoutMs, start === 'start'];
    const rows = await this.#database.run(stampAlone, values);
    return rows.length > 0;
  }

  /** Of these attempts returns those that are not this worker's (any more). */
  findForeign(attempts: readonly AttemptRef[]): Promise<(AttemptRef & { cancelled: boolean })[]> {
    return this.#database.run(findForeign, [this.workerId, JSON.stringify(attempts)]);
  }

  /** Something may have come before the cursors (a notification, a higher priority, a late commit): it looks from the start as soon as it may. */
  rescan(): void {
    this.#rescanSoon = true;
  }

  #send(
    limit: number,
    wanted: readonly Record<string, unknown>[],
    ends: readonly (string | null)[] | undefined,
  ): Promise<Claimed> {
    const types = JSON.stringify(wanted);
    return this.#sent(limit, (id) =>
      ends === undefined
        ? this.#database.run(this.#commit?.statement ?? claimDurably, [
            this.workerId,
            id,
            types,
            limit,
          ])
        : this.#database.run(finishAndClaim, [this.workerId, ...ends, id, types, limit]),
    );
  }

  async #sent(
    limit: number,
    query: (claimId: string) => Promise<SentClaimRow[]>,
  ): Promise<Claimed> {
    const claimId = randomUUID();
    const sentAt = monotonicMs();
    this.inFlight.add(claimId);
    try {
      const answer = readClaim(await query(claimId), this.#types[0]?.type ?? '');
      traceReceive(this.#database.config, this.workerId, answer.jobs, monotonicMs() - sentAt);
      return { ...answer, again: false, claimId, sentAt };
    } catch (error) {
      this.#commit?.doubt();
      throw error;
    } finally {
      this.inFlight.delete(claimId);
      this.#scanMs = limit > 1 ? monotonicMs() - sentAt : this.#scanMs;
    }
  }

  /** All types, rotated so that each is first in its turn. */
  #inTurn(): WantedType[] {
    this.#turns.any = (this.#turns.any + 1) % this.#types.length;
    return rotated(this.#types, this.#turns.any);
  }

  /** The same, first the types whose oldest jobs stand behind others: in a turn of their own, or with ten types it were always the same one's. */
  #wantedOldest(): Record<string, unknown>[] {
    const behind = this.#types.filter(({ type }) => this.#oldest.has(type));
    this.#turns.oldest = (this.#turns.oldest + 1) % behind.length;
    const others = this.#types.filter(({ type }) => !this.#oldest.has(type));
    return [...rotated(behind, this.#turns.oldest), ...others].map((one) =>
      asked(one, this.#oldest.get(one.type) ?? this.#cursors.behind(one.type)),
    );
  }

  /** Once a second, and after a notification; not oftener than 20 times the duration of the last claim, so that expensive rescans cannot eat the gain. */
  #rescanIsDue(): boolean {
    const now = monotonicMs();
    const leastMs = 20 * this.#scanMs;
    const due = this.#rescannedAt + (this.#rescanSoon ? leastMs : Math.max(RESCAN_MS, leastMs));
    if (this.#rescanning || now < due) return false;
    this.#rescanning = true;
    this.#rescanSoon = false;
    this.#rescannedAt = now;
    return true;
  }
}

function rotated(types: readonly WantedType[], turn: number): WantedType[] {
  return [...types.slice(turn), ...types.slice(0, turn)];
}

/** A type as a claim asks for it. */
function asked({ type, queue, timeoutMs }: WantedType, cursor: Cursor): Record<string, unknown> {
  return { type, queue, timeout_ms: timeoutMs, ...cursor };
}

/** Of each type whose oldest job is not at the head of its first priority, the place just before that job. */
function oldestBehind(
  heads: readonly { readonly type: string; readonly rank: number; readonly seq: string }[],
): Map<string, Cursor> {
  const oldest = new Map<string, { rank: number; seq: string; behind: boolean }>();
  for (const { type, rank, seq } of heads) {
    const before = oldest.get(type);
    if (before === undefined) oldest.set(type, { rank, seq, behind: false });
    else if (Number(seq) < Number(before.seq)) oldest.set(type, { rank, seq, behind: true });
  }
  const found = [...oldest].filter(([, { behind }]) => behind);
  return new Map(
    found.map(([type, { rank, seq }]) => [type, { rank, seq: String(BigInt(seq) - 1n) }]),
  );
}
