/** Alerts: what people are told of, what they do about it, and by which rules and channels. */
import {
  type Alert,
  type AlertActor,
  type AlertFilter,
  checkAlertStates,
} from '../../domain/alert.ts';
import type { Protocol } from '../../domain/alert-channels.ts';
import type { Rule } from '../../domain/alert-rules.ts';
import { checkActor } from '../../domain/bulk.ts';
import type { AlertsDefinition } from '../../domain/define-alerts.ts';
import type { Severity } from '../../domain/delivery.ts';
import { unstuckError } from '../../domain/errors.ts';
import { checkCount } from '../../domain/job-filter.ts';
import { isUuid } from '../../domain/job-id.ts';
import {
  type AlertRow,
  acknowledgeAlert,
  findAlert,
  listAlerts,
  silenceAlert,
  unsilenceAlert,
} from '../../sql/alerts.ts';
import type { Statement } from '../../sql/sql.ts';
import { type Duration, parseDuration } from '../../std/duration.ts';
import { shown } from '../../std/shown.ts';
import { toAlert } from '../../storage/alerts.ts';
import type { Database } from '../../storage/database.ts';
import { persist } from '../../storage/persist.ts';
import type { Alarm } from './alarm.ts';
import type { TestedChannel } from './messenger.ts';

/** A channel as it may be shown. */
export interface AlertChannel {
  readonly name: string;
  readonly protocol: Protocol;
  /** Whom it tells, as far as it may be shown. */
  readonly to: string;
  readonly minSeverity: Severity;
  /** The rules that it takes; null: all. */
  readonly rules: readonly string[] | null;
  readonly fallback: string | null;
}

/** Who silences an alert, why, and for how long. */
export interface SilenceOptions extends AlertActor {
  /** From 1s to 365d; default until it is ended. */
  readonly for?: Duration | undefined;
}

const PERSIST_MS = 5_000;
const SILENCE_MIN_MS = 1_000;
const SILENCE_MAX_MS = 365 * 86_400_000;

/** The alerts of an installation. */
export class Alerts {
  #database: Database;
  #alarm: Alarm;

  constructor(database: Database, alarm: Alarm) {
    this.#database = database;
    this.#alarm = alarm;
  }

  /** Looks at the rules of a definition from now on, in this process too. Throws ALERTS_INVALID. */
  start(definition: AlertsDefinition): void {
    this.#alarm.start(definition);
  }

  /** Returns alerts, what fires first: those that are pending or firing unless asked otherwise. Throws REQUEST_INVALID. */
  async list(filter: AlertFilter = {}): Promise<Alert[]> {
    const { state, rule = null, limit = 100 } = filter;
    const values = [checkAlertStates(state), rule, checkCount('limit', limit)];
    return (await this.#database.run(listAlerts, values)).map(toAlert);
  }

  /** Returns an alert; undefined when there is none. */
  async get(id: string): Promise<Alert | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await this.#database.run(findAlert, [id]);
    return row === undefined ? undefined : toAlert(row);
  }

  /** Says that somebody looks after an alert that fires: it is not told again, and still resolves. Throws ALERT_NOT_FOUND, ALERT_STATE_CONFLICT or REQUEST_INVALID. */
  async acknowledge(id: string, actor: AlertActor = {}): Promise<Alert> {
    const changed = await this.#change(acknowledgeAlert, id, actor);
    if (changed !== undefined) return changed;
    const alert = await this.#known(id);
    if (alert.state === 'firing') return alert;
    throw unstuckError(
      'ALERT_STATE_CONFLICT',
      `Expected alert ${id} to fire, but it is ${alert.state}. Nothing was changed.`,
      { detail: { id, state: alert.state } },
    );
  }

  /** Lets an alert tell nobody for a time; its state goes on. Throws ALERT_NOT_FOUND or REQUEST_INVALID. */
  async silence(id: string, { for: length, ...actor }: SilenceOptions = {}): Promise<Alert> {
    const ms = length === undefined ? null : silenceMs(length);
    return (await this.#change(silenceAlert, id, actor, ms)) ?? this.#known(id);
  }

  /** Ends a silence; one that tells somebody already stays as it is. Throws ALERT_NOT_FOUND or REQUEST_INVALID. */
  async unsilence(id: string, actor: AlertActor = {}): Promise<Alert> {
    return (await this.#change(unsilenceAlert, id, actor)) ?? this.#known(id);
  }

  /** Returns the rules of this process. Throws ALERTS_NOT_STARTED. */
  rules(): Promise<readonly Rule[]> {
    return settled(() => this.#alarm.definition.rules);
  }

  /** Returns the channels of this process, without their secrets. Throws ALERTS_NOT_STARTED. */
  channels(): Promise<readonly AlertChannel[]> {
    return settled(() => shownChannels(this.#alarm.definition));
  }

  /** Sends a message by a channel of this process, at once; resolves with what its API said. Throws CHANNEL_NOT_FOUND or ALERTS_NOT_STARTED. */
  test(channel: string): Promise<TestedChannel> {
    return this.#alarm.test(channel);
  }

  async #change(
    statement: Statement<AlertRow>,
    id: string,
    { by, reason }: AlertActor,
    ...more: readonly unknown[]
  ): Promise<Alert | undefined> {
    checkActor({
      ...(by === undefined ? {} : { by }),
      ...(reason === undefined ? {} : { reason }),
    });
    if (!isUuid(id)) return undefined;
    const values = [id, by ?? null, reason ?? null, ...more];
    const [row] = await persist(() => this.#database.run(statement, values), PERSIST_MS);
    return row === undefined ? undefined : toAlert(row);
  }

  async #known(id: string): Promise<Alert> {
    const alert = await this.get(id);
    if (alert !== undefined) return alert;
    throw unstuckError('ALERT_NOT_FOUND', `There is no alert ${shown(id)}. Nothing was changed.`, {
      detail: { id },
    });
  }
}

/** The channels of a definition as they may be shown. */
export function shownChannels({ channels }: AlertsDefinition): readonly AlertChannel[] {
  return [...channels].map(([name, { protocol, to, minSeverity, rules, fallback }]) => ({
    name,
    protocol,
    to,
    minSeverity,
    rules,
    fallback,
  }));
}

function silenceMs(length: Duration): number {
  const ms = parseDuration(length);
  if (ms !== undefined && ms >= SILENCE_MIN_MS && ms <= SILENCE_MAX_MS) return ms;
  throw unstuckError(
    'REQUEST_INVALID',
    `Expected for to be a duration from 1s to 365d such as '2h', got ${shown(length)}.`,
  );
}

async function settled<T>(read: () => T): Promise<T> {
  return read();
}
