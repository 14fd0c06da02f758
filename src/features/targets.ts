/** Targets: remote workers as people see them: how each stands, what waits for it; paused, resumed, and asked whether it is there. */

import { checkActor } from '../domain/bulk.ts';
import type { TargetDefinition } from '../domain/define-target.ts';
import type { Failure } from '../domain/dispatch.ts';
import { unstuckError } from '../domain/errors.ts';
import { checkCount } from '../domain/job-filter.ts';
import { parseJobId } from '../domain/job-id.ts';
import { refuseUnknown } from '../domain/known-options.ts';
import { type Notice, noticeOf, type TargetStanding } from '../domain/target-notice.ts';
import { digestOf } from '../domain/tokens.ts';
import type { TargetCalls } from '../engine/target-calls.ts';
import type { TypeRegistry } from '../engine/type-registry.ts';
import { findCallback } from '../sql/dispatches.ts';
import {
  findProbe,
  findSent,
  listTargets,
  pauseTarget,
  probeSoon,
  readStandings,
  resumeTarget,
  type StandingRow,
  type TargetLookRow,
} from '../sql/target-look.ts';
import { shown } from '../std/shown.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import type { Actor } from '../storage/jobs.ts';

/** A remote worker as it is now. */
export interface Target {
  readonly name: string;
  /** Without what follows its path, as are the other addresses. */
  readonly url: string;
  readonly healthUrl: string | null;
  readonly statusUrl: string | null;
  /** The types whose jobs are sent to it. */
  readonly types: readonly string[];
  /** `half-open`: it has answered a probe, and is tried with one job. */
  readonly state: 'up' | 'down' | 'half-open';
  /** Whether it can be sent a job now. */
  readonly usable: boolean;
  /** How it stands, in words. */
  readonly words: string;
  readonly since: Date;
  /** Stays while it is tried. */
  readonly downSince: Date | null;
  /** In a row. */
  readonly failures: number;
  /** How often it was asked whether it is back since it went down. */
  readonly probes: number;
  readonly lastProbeAt: Date | null;
  readonly nextProbeAt: Date | null;
  readonly lastOkAt: Date | null;
  readonly lastFailedAt: Date | null;
  readonly lastError: Failure | null;
  /** Until when it has asked to be sent nothing (429, 503 with `Retry-After`). */
  readonly holdUntil: Date | null;
  readonly paused: TargetPause | null;
  /** Jobs that wait for it: exact to 10,000, at most 10,001. */
  readonly parked: number;
  /** Attempts that were sent to it and are not answered yet. */
  readonly sending: number;
  /** Attempts that it has accepted and works on. */
  readonly accepted: number;
  /** How many of the jobs that wait for it are sent in the next second. */
  readonly ramp: number;
  readonly rampMax: number;
}

/** Why and since when nothing is sent to a target. */
export interface TargetPause {
  readonly reason: string | null;
  readonly by: string | null;
  readonly at: Date;
  /** When it ends by itself; null: somebody resumes it. */
  readonly until: Date | null;
}

/** Why a target is paused, and until when. */
export interface TargetPauseOptions extends Actor {
  readonly until?: Date;
}

/** What a target said when it was asked. */
export interface TargetProbe {
  /** Null: nobody has asked it within 15 s, since no process sweeps. */
  readonly answered: boolean | null;
  readonly error: Failure | null;
  /** The same in words. */
  readonly message: string;
  readonly target: Target;
}

/** The sending of one job to its targets. */
export interface Sending {
  /** The one that it was sent to last, else the first of its type. */
  readonly target: string;
  /** Null: there is no such target any more. */
  readonly url: string | null;
  /** How the target stands, in words. */
  readonly words: string | null;
  /** When it last began to wait for its targets; null when it never did. */
  readonly parkedAt: Date | null;
  /** How often it began to wait for them, at most 1,000. */
  readonly parkedTimes: number;
  /** How often it was sent, within a day of its end. */
  readonly sentTimes: number;
  readonly lastSentAt: Date | null;
  readonly acceptedAt: Date | null;
  /** When the target last said that it still works on it. */
  readonly heardAt: Date | null;
  /** How often the target was asked whether it is back since it went down. */
  readonly probes: number;
  readonly lastProbeAt: Date | null;
  readonly nextProbeAt: Date | null;
  /** The latest error of the target. */
  readonly lastError: Failure | null;
}

/** For whom a callback speaks. */
export interface VerifiedCallback {
  readonly target: string;
  /** The token of the attempt that it may tell of. */
  readonly token: string;
}

const REMEMBERED_MS = 1_000;
const REMEMBERED_MAX = 1_000;
const PROBE_MS = 15_000;
const PROBE_LOOK_MS = 200;

/** The remote workers of an installation. */
export class Targets {
  #database: Database;
  #types: TypeRegistry;
  #calls: TargetCalls;
  #standings = new Map<string, { readonly asked: Promise<Notice | null>; readonly atMs: number }>();

  constructor(database: Database, types: TypeRegistry, calls: TargetCalls) {
    this.#database = database;
    this.#types = types;
    this.#calls = calls;
  }

  /** Returns targets by name: at most `limit` (1 to 1,000, the default) behind the name `after`. Throws REQUEST_INVALID. */
  async list(page: { readonly after?: string; readonly limit?: number } = {}): Promise<Target[]> {
    const { after = '', limit = 1_000 } = page;
    const rows = await this.#database.run(listTargets, [null, after, checkCount('limit', limit)]);
    return rows.map(toTarget);
  }

  /** Returns a target. Throws TARGET_UNKNOWN. */
  async get(name: string): Promise<Target> {
    const [row] = await this.#database.run(listTargets, [name, '', 1]);
    if (row !== undefined) return toTarget(row);
    throw unstuckError(
      'TARGET_UNKNOWN',
      `There is no target ${shown(name)}: no process has ever been given its definition. Correct the name.`,
    );
  }

  /**
   * Makes targets known to this process without working on their jobs: it asks whether they are back, how jobs stand, and sends again what a process that died
   * had begun. Throws TARGET_INVALID.
   */
  define(definitions: readonly TargetDefinition[]): Promise<void> {
    return this.#calls.define(definitions);
  }

  /** Tells where this process serves the HTTP API, for callbacks of targets; what `publicUrl` says comes first. */
  callbackAt(url: string): void {
    this.#calls.callbackAt(url);
  }

  /**
   * Sends a target nothing and does not ask whether it is there; its jobs wait, and what it works on goes on. A second pause replaces the first.
   * Throws TARGET_UNKNOWN, TIME_INVALID, REQUEST_INVALID or OPTION_UNKNOWN.
   */
  async pause(name: string, options: TargetPauseOptions = {}): Promise<Target> {
    refuseUnknown(options, ['reason', 'by', 'until'], `a pause of ${name}`);
    const { by, reason, until } = checkActor(options);
    if (until !== undefined && !(until instanceof Date && !Number.isNaN(until.getTime())))
      throw unstuckError('TIME_INVALID', `Expected until to be a valid Date, got ${shown(until)}.`);
    await this.get(name);
    const values = [name, by ?? null, reason ?? null, until ?? null];
    const [held] = await this.#database.run(pauseTarget, values);
    if (held === undefined)
      throw unstuckError(
        'TIME_INVALID',
        `Expected until to lie ahead by the clock of the database, got ${shown(until)}. Nothing was paused.`,
      );
    return this.get(name);
  }

  /** Sends jobs to a target again, the waiting ones not in one burst. One that is not paused stays as it is. Throws TARGET_UNKNOWN or REQUEST_INVALID. */
  async resume(name: string, actor: Actor = {}): Promise<Target> {
    const { by, reason } = checkActor(actor);
    await this.get(name);
    await this.#database.run(resumeTarget, [name, by ?? null, reason ?? null]);
    return this.get(name);
  }

  /**
   * Asks a target now whether it is there, and waits up to 15 s for what it says. One that is down is asked by the sweep, and goes on as after every
   * probe; any other is asked by this process, which changes nothing. Throws TARGET_UNKNOWN.
   */
  async probe(name: string): Promise<TargetProbe> {
    await this.get(name);
    const [soon] = await this.#database.run(probeSoon, [name]);
    return soon === undefined ? this.#ask(name) : this.#awaitProbe(name, soon.probes);
  }

  /**
   * What to tell whoever enqueues a job of a type now: null unless none of its targets takes jobs. What is known of targets is remembered for 1 s; of a
   * type without targets nothing is asked.
   */
  async noticeFor(type: string): Promise<Notice | null> {
    const names = await this.#types.targetsOf(type);
    if (names.length === 0) return null;
    const known = this.#standings.get(type);
    if (known !== undefined && monotonicMs() - known.atMs < REMEMBERED_MS) return known.asked;
    const asked = this.#database
      .run(readStandings, [names])
      .then((rows) => noticeOf(names, rows.map(toStanding)));
    asked.catch(() => this.#standings.delete(type));
    if (this.#standings.size >= REMEMBERED_MAX) this.#standings.clear();
    this.#standings.set(type, { asked, atMs: monotonicMs() });
    return asked;
  }

  /** Returns how the sending of a job (its id and type) to its targets stands; null for a job that runs here. Throws JOB_ID_INVALID. */
  async sendingOf({
    id,
    type,
  }: {
    readonly id: string;
    readonly type: string;
  }): Promise<Sending | null> {
    if ((await this.#types.targetsOf(type)).length === 0) return null;
    const [row] = await this.#database.run(findSent, [parseJobId(id), type]);
    if (row === undefined) return null;
    return {
      target: row.target,
      url: row.url,
      words: row.words,
      parkedAt: row.parked_at,
      parkedTimes: row.parked,
      sentTimes: row.sends,
      lastSentAt: row.sent_at,
      acceptedAt: row.accepted_at,
      heardAt: row.heard_at,
      probes: row.probes,
      lastProbeAt: row.last_probe_at,
      nextProbeAt: row.next_probe_at,
      lastError: row.last_error,
    };
  }

  /** Returns for which attempt of a job (its id) the secret of a callback speaks; undefined when it was given for none. */
  async verifyCallback(id: string, secret: string): Promise<VerifiedCallback | undefined> {
    let job: string;
    try {
      job = parseJobId(id);
    } catch {
      return undefined;
    }
    const digest = digestOf(secret).toString('hex');
    return (await this.#database.run(findCallback, [job, digest]))[0];
  }

  async #ask(name: string): Promise<TargetProbe> {
    const [where] = await this.#database.run(findProbe, [name]);
    const error = (await this.#calls.probe({ name, probes: 0, ...(where as ProbeUrls) })) ?? null;
    const message =
      error === null
        ? `The target "${name}" answers.`
        : `The target "${name}" does not answer as it should: ${error.message}`;
    return { answered: error === null, error, message, target: await this.get(name) };
  }

  /** The sweep takes the probe, counts it, and writes what came of it. */
  async #awaitProbe(name: string, probes: number): Promise<TargetProbe> {
    const until = monotonicMs() + PROBE_MS;
    for (;;) {
      const target = await this.get(name);
      if (target.state !== 'down') {
        const message = `The target "${name}" answers: it is ${target.words}.`;
        return { answered: true, error: null, message, target };
      }
      const { lastError: error, lastFailedAt, lastProbeAt } = target;
      const asked = target.probes !== probes && lastProbeAt !== null && lastFailedAt !== null;
      if (asked && lastFailedAt >= lastProbeAt) {
        const message = `The target "${name}" does not answer as it should: ${error?.message ?? 'no reason is known'}`;
        return { answered: false, error, message, target };
      }
      if (monotonicMs() > until) return notAsked(target, target.probes !== probes);
      await sleep(PROBE_LOOK_MS);
    }
  }
}

interface ProbeUrls {
  readonly url: string;
  readonly health_url: string | null;
}

function notAsked(target: Target, taken: boolean): TargetProbe {
  const { name } = target;
  const message = taken
    ? `The target "${name}" has been asked, and has not answered within ${PROBE_MS / 1_000} s.`
    : `Nobody has asked the target "${name}" within ${PROBE_MS / 1_000} s: no process sweeps. Start one: unstuck serve.`;
  return { answered: taken ? false : null, error: null, message, target };
}

function toStanding(row: StandingRow): TargetStanding {
  return {
    name: row.name,
    state: row.state,
    usable: row.usable,
    downSince: row.down_since,
    pausedAt: row.paused_at,
    holdUntil: row.hold_until,
    now: row.now,
  };
}

function toTarget(row: TargetLookRow): Target {
  const { paused_at: at, paused_by: by, paused_reason: reason, paused_until: until } = row;
  return {
    name: row.name,
    url: row.url,
    healthUrl: row.health_url,
    statusUrl: row.status_url,
    types: row.types,
    state: row.state,
    usable: row.usable,
    words: row.words,
    since: row.since,
    downSince: row.down_since,
    failures: row.failures,
    probes: row.probes,
    lastProbeAt: row.last_probe_at,
    nextProbeAt: row.next_probe_at,
    lastOkAt: row.last_ok_at,
    lastFailedAt: row.last_failed_at,
    lastError: row.last_error,
    holdUntil: row.hold_until,
    paused: at === null ? null : { reason, by, at, until },
    parked: row.parked,
    sending: row.sending,
    accepted: row.accepted,
    ramp: row.ramp,
    rampMax: row.ramp_max,
  };
}
