/** Target sweep: what a round of the sweep does for remote workers: parks, lets go on, asks who is down, and looks after what was sent. */
import type { Log } from '../domain/log.ts';
import { readTrace } from '../domain/trace.ts';
import { type LookRow, lookLater, takeLooks } from '../sql/dispatches.ts';
import {
  type ProbeRow,
  parkQueued,
  probeAnswered,
  probeFailed,
  pruneTargetClaims,
  takeProbes,
  unpark,
} from '../sql/targets.ts';
import { monotonicMs, settlesWithin } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { concernedBy, letOn } from '../storage/links.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { ChoreRound } from './sweeper.ts';

const PARK_MAX = 2_000;
const PROBES_MAX = 20;
const LOOKS_MAX = 50;
/** Longer than a look takes: whoever dies over it leaves it to the next. */
const LOOK_LEASE_MS = 90_000;
const STOP_MS = 10_000;

/** What rounds of the sweep do for targets. Calls to targets go on behind the round, which must not wait for whoever does not answer. */
export class TargetSweep {
  #dispatcher: Dispatcher;
  #log: Log;
  #calls = new Set<Promise<void>>();

  constructor(dispatcher: Dispatcher, log: Log) {
    this.#dispatcher = dispatcher;
    this.#log = log;
  }

  /** Does what is due; waits for the calls it makes until `untilMs` of the monotonic clock if that is finite, else not at all. */
  async run(database: Database, untilMs: number): Promise<ChoreRound> {
    const parked = await database.run(parkQueued, [PARK_MAX]);
    this.#tell('parked_jobs', parked);
    const gone = await database.run(unpark, []);
    if (gone.length > 0) this.#tell('found_parked_jobs', gone);
    const concerned = concernedBy([...parked, ...gone].map(({ links }) => links));
    const ready = new Set(await letOn(database, concerned));
    for (const { type, state } of gone) if (state === 'queued') ready.add(type);
    const probes = await database.run(takeProbes, [PROBES_MAX]);
    for (const probe of probes) this.#behind(() => this.#probe(database, probe));
    const { names } = this.#dispatcher.calls;
    const looks = await database.run(takeLooks, [names, LOOKS_MAX, LOOK_LEASE_MS]);
    for (const look of looks) this.#behind(() => this.#look(database, look));
    await database.run(pruneTargetClaims);
    if (Number.isFinite(untilMs))
      await settlesWithin(Promise.all(this.#calls), Math.max(0, untilMs - monotonicMs()));
    const done = parked.length + looks.length;
    const counts = { 'probe-target': probes.length, unpark: gone.length };
    return { ready, done, counts, more: parked.length === PARK_MAX };
  }

  /** Resolves when the calls that are on their way have ended, after 10 s in any case. */
  async stop(): Promise<void> {
    await settlesWithin(Promise.all(this.#calls), STOP_MS);
  }

  #tell(event: string, rows: readonly { readonly target: string; readonly id: string }[]): void {
    const targets = new Map<string, number>();
    for (const { target } of rows) targets.set(target, (targets.get(target) ?? 0) + 1);
    for (const [target, count] of targets) this.#log.info(event, { target, count });
    if (event === 'found_parked_jobs')
      for (const { id, target } of rows.slice(0, 100))
        this.#log.info('retried', { job: id, target });
  }

  #behind(work: () => Promise<void>): void {
    const call = work()
      .catch((error: unknown) => this.#log.warn('target_call_failed', { error }))
      .finally(() => this.#calls.delete(call));
    this.#calls.add(call);
  }

  async #probe(database: Database, probe: ProbeRow): Promise<void> {
    const { name, probes } = probe;
    const failure = await this.#dispatcher.calls.probe(probe);
    if (failure !== undefined) {
      await database.run(probeFailed, [name, probes, JSON.stringify(failure)]);
      this.#log.warn('target_still_down', { target: name, probes, ...failure });
      return;
    }
    const [back] = await database.run(probeAnswered, [name, probes]);
    if (back !== undefined)
      this.#log.info(back.state === 'up' ? 'target_up' : 'target_tried', { target: name, probes });
  }

  async #look(database: Database, row: LookRow): Promise<void> {
    const { target, id, token, type } = row;
    const fence = { id, token, type };
    const told = await this.#dispatcher.ask(target, fence);
    const isTold = told !== undefined && ['completed', 'failed', 'accepted'].includes(told.kind);
    if (isTold || (told?.kind === 'unknown' && row.accepted)) {
      await this.#dispatcher.conclude(target, fence, told);
      return;
    }
    if (!row.accepted) return this.#sendAgain(row);
    if (told === undefined && !row.down) return this.#silent(row);
    if (told !== undefined && 'failure' in told && told.kind !== 'busy')
      await this.#dispatcher.failed(target, fence, told.failure);
    // What a target that is down had accepted goes out again when it is back; if it still works on that, its answer is refused.
    if (row.down) await this.#dispatcher.park(target, fence);
    else await database.run(lookLater, [id, token, row.silence_ms]);
  }

  /** Whoever sent it has died over it: the same attempt is sent again, under the same key. */
  async #sendAgain(row: LookRow): Promise<void> {
    const { target, attempts_max: attemptsMax, trace, ...rest } = row;
    const { traceparent } = readTrace(trace);
    const next = await this.#dispatcher.send(target, { ...rest, attemptsMax, traceparent });
    if (next !== 'done') await this.#dispatcher.park(target, row);
  }

  async #silent({ target, id, token }: LookRow): Promise<void> {
    const message = `The target "${target}" accepted the job, was silent for longer than it may be, and cannot be asked about it.`;
    await this.#dispatcher.fail({ id, token }, { code: 'TARGET_SILENT', message }, true);
  }
}
