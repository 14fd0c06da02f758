/** Target calls: speaks to remote workers: sends jobs, asks about them, and asks whether a target is back. */
import { createHmac } from 'node:crypto';
import type { TargetDefinition } from '../domain/define-target.ts';
import {
  type Arrived,
  type Callback,
  type DispatchedJob,
  dispatchBody,
  type Failure,
} from '../domain/dispatch.ts';
import { unstuckError } from '../domain/errors.ts';
import { digestOf } from '../domain/tokens.ts';
import { signWebhook } from '../domain/webhook-signature.ts';
import { defineTargets, enlistTargets, type ProbeRow } from '../sql/targets.ts';
import {
  type HttpAnswer,
  type HttpCall,
  HttpCaller,
  type HttpCallerRule,
} from '../std/http-call.ts';
import type { Database } from '../storage/database.ts';

/** A target that this process can send to. */
interface Known {
  readonly definition: TargetDefinition;
  readonly secrets: readonly string[];
  readonly caller: HttpCaller;
}

/** An attempt as it is sent: what the target gets of it, and the trace that it belongs to. */
export interface Sendable extends DispatchedJob {
  readonly traceparent: string | undefined;
}

/** For what is written before and after a call. */
const PATIENCE_MARGIN_MS = 15_000;
const PROBE = { connectMs: 5_000, totalMs: 10_000, bytesMax: 65_536 };
const OK_BELOW = 500;
/** What a call that is made once more gets in any case, however little the first one has left of its time. */
const MIN_REST_MS = 1_000;

/** Knows the targets of this process and how they are called. */
export class TargetCalls {
  #database: Database;
  #known = new Map<string, Known>();
  /** Asks targets that only other processes know whether they are back: that needs no secret. */
  #prober: HttpCaller;
  #rule: HttpCallerRule;

  #servedAt = '';

  constructor(database: Database, rule: HttpCallerRule) {
    this.#database = database;
    this.#rule = rule;
    this.#prober = new HttpCaller(rule);
  }

  /** Stores where these targets are, and can send to them from now on. Throws TARGET_INVALID when one has no secret, or two have one name. */
  async define(definitions: readonly TargetDefinition[]): Promise<void> {
    if (definitions.length === 0) return;
    const known = new Map(definitions.map((one) => [one.name, this.#knownOf(one)]));
    if (new Set(definitions).size !== known.size)
      throw unstuckError(
        'TARGET_INVALID',
        `Expected one definition for each target, got two of the same name among ${[...known.keys()].join(', ')}.`,
      );
    const rows = definitions.map((one) => ({
      name: one.name,
      url: one.url,
      health_url: one.healthUrl,
      status_url: one.statusUrl,
      failures_max: one.failuresMax,
      probe_every_ms: one.probeEveryMs,
      probe_for_ms: one.probeForMs,
      probe_then_ms: one.probeLaterMs,
      silence_ms: one.silenceMs,
      ramp_max: one.rampMax,
    }));
    await this.#database.run(defineTargets, [JSON.stringify(rows)]);
    await this.#database.run(enlistTargets, [[...known.keys()]]);
    for (const [name, one] of known) {
      this.#known.get(name)?.caller.close();
      this.#known.set(name, one);
    }
  }

  /** The names of the targets that this process can send to. */
  get names(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Throws TARGET_UNKNOWN when this process cannot send jobs of a type to a target. */
  check(name: string, type: string): void {
    if (this.#known.has(name)) return;
    throw unstuckError(
      'TARGET_UNKNOWN',
      `Expected a definition of the target "${name}" of job type ${type}, got none. Pass it with the option targets of work(), or export it beside the job types.`,
    );
  }

  /** After so many ms without an answer to a call, whoever made it has died. */
  patienceOf(name: string): number {
    return this.#of(name).definition.timeoutMs + PATIENCE_MARGIN_MS;
  }

  /** The hash, in hex, of what lets a target call back about an attempt. The same whoever asks for it, so that a repeat replaces no good one. */
  digestOf(name: string, fence: { readonly id: string; readonly token: string }): string {
    return digestOf(this.#callbackSecret(name, fence)).toString('hex');
  }

  /** Sends an attempt. */
  async send(name: string, job: Sendable): Promise<Arrived> {
    const { definition, secrets, caller } = this.#of(name);
    const body = dispatchBody(job, this.#callback(name, job));
    const call: HttpCall = {
      url: definition.url,
      method: 'POST',
      headers: {
        ...signWebhook(secrets, `${job.id}.${job.token}`, new Date(), body),
        'content-type': 'application/json',
        accept: 'application/json',
        'idempotency-key': `${job.id}.${job.token}`,
        ...traced(job.traceparent),
      },
      body,
      connectMs: definition.connectMs,
      totalMs: definition.timeoutMs,
      bytesMax: definition.answerBytesMax,
    };
    const answer = await caller.call(call);
    if (answer.kind !== 'failed' || answer.code !== 'RESET' || !answer.reused)
      return arrived(answer);
    // The other side has closed a connection that was kept open, as a rule without reading what came (N6): the same again, over a new one.
    caller.close();
    const totalMs = Math.max(MIN_REST_MS, definition.timeoutMs - answer.ms);
    return arrived(await caller.call({ ...call, totalMs }));
  }

  /** Whether a target can be asked about attempts. */
  isAsked(name: string): boolean {
    return this.#of(name).definition.statusUrl !== undefined;
  }

  /** Whether a result can come from a target after it has accepted a job: it can call back, or be asked. */
  isHeard(name: string): boolean {
    return this.#callbackBase() !== '' || this.isAsked(name);
  }

  /** Asks a target how an attempt stands that it was sent; undefined for one that cannot be asked. */
  async ask(
    name: string,
    { id, token }: { readonly id: string; readonly token: string },
  ): Promise<Arrived | undefined> {
    const { definition, secrets, caller } = this.#of(name);
    if (definition.statusUrl === undefined) return undefined;
    const answer = await caller.call({
      url: definition.statusUrl.replace('{id}', id).replace('{token}', token),
      method: 'GET',
      headers: {
        ...signWebhook(secrets, `${id}.${token}.status`, new Date(), ''),
        accept: 'application/json',
      },
      connectMs: definition.connectMs,
      totalMs: definition.timeoutMs,
      bytesMax: definition.answerBytesMax,
    });
    return arrived(answer);
  }

  /** Asks a target that is down whether it is back; undefined when it is. */
  async probe({ name, url, health_url }: ProbeRow): Promise<Failure | undefined> {
    const caller = this.#known.get(name)?.caller ?? this.#prober;
    const answer = await caller.call({ url: health_url ?? url, method: 'GET', ...PROBE });
    if (answer.kind === 'failed') return { code: answer.code, message: answer.message };
    const { status } = answer;
    const back = health_url === null ? status < OK_BELOW : status >= 200 && status < 300;
    if (back) return undefined;
    return {
      code: `HTTP_${status}`,
      message: `Asked whether it is back, it answered HTTP ${status}.`,
    };
  }

  /** Closes idle connections. */
  close(): void {
    for (const { caller } of this.#known.values()) caller.close();
    this.#prober.close();
  }

  #knownOf(definition: TargetDefinition): Known {
    const { ca, privateAddresses = this.#rule.privateAddresses } = definition;
    const caller = new HttpCaller({
      ...this.#rule,
      privateAddresses,
      ...(ca === undefined ? {} : { ca }),
    });
    return { definition, secrets: definition.secrets(process.env), caller };
  }

  #of(name: string): Known {
    const known = this.#known.get(name);
    if (known === undefined) throw new TypeError(`The target "${name}" is not known here.`);
    return known;
  }

  /** Where targets call back when `publicUrl` does not say it. */
  callbackAt(url: string): void {
    this.#servedAt = url;
  }

  #callbackBase(): string {
    return this.#database.config.publicUrl || this.#servedAt;
  }

  #callback(
    name: string,
    fence: { readonly id: string; readonly token: string },
  ): Callback | undefined {
    const base = this.#callbackBase();
    if (base === '') return undefined;
    const url = `${base.replace(/\/+$/, '')}/v1/claims/${fence.id}`;
    return { url, secret: this.#callbackSecret(name, fence) };
  }

  #callbackSecret(
    name: string,
    { id, token }: { readonly id: string; readonly token: string },
  ): string {
    const [secret = ''] = this.#of(name).secrets;
    const mac = createHmac('sha256', secret).update(`callback.${name}.${id}.${token}`);
    return `callback_${mac.digest('base64url')}`;
  }
}

function traced(traceparent: string | undefined): Record<string, string> {
  return traceparent === undefined ? {} : { traceparent };
}

function arrived(answer: HttpAnswer): Arrived {
  if (answer.kind === 'failed') return answer;
  const { status, body, headers } = answer;
  return { kind: 'answer', status, body, retryAfter: headers['retry-after'] };
}
