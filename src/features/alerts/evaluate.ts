/** Evaluate: one round of the rules. What becomes of every alert and what channels are told of it is one transaction. */
import { randomUUID } from 'node:crypto';
import type { Alert, Told } from '../../domain/alert.ts';
import {
  type AlertStep,
  isClosed,
  type Moment,
  type Sight,
  stepOf,
  wishesOf,
} from '../../domain/alert-decisions.ts';
import { type AlertMessage, firingAmong, messagesOf } from '../../domain/alert-messages.ts';
import type { Rule } from '../../domain/alert-rules.ts';
import type { AlertsDefinition } from '../../domain/define-alerts.ts';
import type { Log } from '../../domain/log.ts';
import {
  closeForgottenAlerts,
  countRecentMessages,
  dropAlerts,
  handToFallback,
  lockAlertRound,
  readLiveAlerts,
  storeAlerts,
  tellChannels,
} from '../../sql/alerts.ts';
import { endTick } from '../../sql/ticks.ts';
import { groupBy } from '../../std/group-by.ts';
import { toAlert, toStored } from '../../storage/alerts.ts';
import type { Database, Executor } from '../../storage/database.ts';
import { isConnectionLost } from '../../storage/postgres-errors.ts';
import { look } from './look.ts';

/** The tick of the rounds. */
export const ALERTS_TICK = 'alerts';

/** A channel hands on what it could not deliver after so many tries. */
const FALLBACK_ATTEMPTS = 2;
/** An alert is looked at in every round; it says so for three of them. */
const LOOK_ROUNDS = 3;

/** What the rules that could be looked at have seen. */
type Sights = ReadonlyMap<Rule, readonly Sight[]>;

/** What a round did. */
interface Round {
  readonly steps: readonly AlertStep[];
  readonly messages: readonly AlertMessage[];
}

/** Does the round that `take-alert-tick` has given to this process. A rule that cannot be looked at keeps its alerts as they are, and no other rule waits for it. */
export async function evaluate(
  database: Database,
  definition: AlertsDefinition,
  round: string,
  log: Log,
): Promise<void> {
  const sights = await lookAll(database, definition.rules, log);
  const done = await database.transaction(async (client) => {
    // Whoever slept since it took the tick finds that the round is another's.
    const [held] = await database.run(lockAlertRound, [ALERTS_TICK, round], client);
    if (held === undefined) return undefined;
    const decided = await decide(database, definition, sights, held.now, client);
    await store(database, definition, decided, client);
    await handOn(database, definition, client);
    await database.run(endTick, [ALERTS_TICK], client);
    return decided;
  });
  if (done !== undefined) tell(log, done);
}

async function lookAll(database: Database, rules: readonly Rule[], log: Log): Promise<Sights> {
  const sights = new Map<Rule, readonly Sight[]>();
  for (const rule of rules) {
    try {
      sights.set(rule, await look(database, rule));
    } catch (error) {
      if (isConnectionLost(error)) throw error;
      log.error('alert_rule_failed', { rule: rule.name, error });
    }
  }
  return sights;
}

async function decide(
  database: Database,
  definition: AlertsDefinition,
  sights: Sights,
  now: Date,
  client: Executor,
): Promise<Round> {
  const names = definition.rules.map(({ name }) => name);
  const seen = [...sights].flatMap(([rule, some]) =>
    some.map(({ subject }) => ({ rule: rule.name, subject })),
  );
  const rows = await database.run(readLiveAlerts, [names, JSON.stringify(seen)], client);
  const known = groupBy(rows.map(toAlert), ({ rule }) => rule);
  const moment: Moment = { now, newId: randomUUID };
  const steps = [...sights].flatMap(([rule, some]) =>
    stepsOf(rule, known.get(rule.name) ?? [], some, moment),
  );
  const looked = new Set([...sights.keys()].map(({ name }) => name));
  const unlooked = [...known].flatMap(([rule, some]) => (looked.has(rule) ? [] : some));
  const open = firingAmong([...steps.map(({ alert }) => alert), ...unlooked]);
  const wishes = steps.flatMap(({ alert, gone }) => {
    const rule = definition.rules.find(({ name }) => name === alert.rule);
    return rule === undefined || gone ? [] : wishesOf(definition, rule, alert, now);
  });
  if (wishes.length === 0) return { steps, messages: [] };
  const counts = await database.run(countRecentMessages, [], client);
  const recent = new Map(counts.map(({ channel, count }) => [channel, count]));
  return { steps, messages: messagesOf(wishes, recent, open) };
}

function stepsOf(
  rule: Rule,
  known: readonly Alert[],
  sights: readonly Sight[],
  moment: Moment,
): readonly AlertStep[] {
  const before = new Map(known.map((alert) => [alert.subject, alert]));
  const seen = new Map(sights.map((sight) => [sight.subject, sight]));
  const subjects = new Set([...before.keys(), ...seen.keys()]);
  return [...subjects].flatMap(
    (subject) => stepOf(rule, before.get(subject), seen.get(subject), moment) ?? [],
  );
}

async function store(
  database: Database,
  definition: AlertsDefinition,
  { steps, messages }: Round,
  client: Executor,
): Promise<void> {
  const tells = tellsOf(messages);
  const kept = steps
    .filter(({ gone }) => !gone)
    .map((step) => {
      const states = tells.get(step.alert.id) ?? {};
      const told = { ...step.alert.told, ...asTold(states) };
      return toStored(step, states, isClosed(definition, { ...step.alert, told }));
    });
  const lookMs = LOOK_ROUNDS * definition.intervalMs;
  if (kept.length > 0) await database.run(storeAlerts, [JSON.stringify(kept), lookMs], client);
  const gone = steps.filter((step) => step.gone).map(({ alert }) => alert.id);
  if (gone.length > 0) await database.run(dropAlerts, [gone], client);
  await database.run(closeForgottenAlerts, [], client);
  if (messages.length === 0) return;
  const rows = messages.map(({ channel, event, subject, text, severity, data }) => ({
    channel,
    payload: { event, subject, text, severity, data },
  }));
  await database.run(tellChannels, [JSON.stringify(rows)], client);
}

/** What each alert's channels are told with these messages. */
function tellsOf(
  messages: readonly AlertMessage[],
): ReadonlyMap<string, Readonly<Record<string, Told['state']>>> {
  const tells = new Map<string, Record<string, Told['state']>>();
  for (const { alert, channel, state } of messages.flatMap(({ wishes }) => wishes))
    tells.set(alert.id, { ...tells.get(alert.id), [channel]: state });
  return tells;
}

/** When is the database's business: here only what counts. */
function asTold(states: Readonly<Record<string, Told['state']>>): Record<string, Told> {
  const at = new Date(0);
  return Object.fromEntries(Object.entries(states).map(([name, state]) => [name, { state, at }]));
}

async function handOn(
  database: Database,
  { channels }: AlertsDefinition,
  client: Executor,
): Promise<void> {
  for (const [name, { fallback }] of channels)
    if (fallback !== null)
      await database.run(handToFallback, [name, fallback, FALLBACK_ATTEMPTS], client);
}

function tell(log: Log, { steps, messages }: Round): void {
  for (const { alert, stamps } of steps) {
    const { id, rule, subject, severity, summary, count } = alert;
    if (stamps.includes('fired_at'))
      log.warn('alert_fired', { alert: id, rule, subject, severity, count, summary });
    if (stamps.includes('resolved_at')) log.info('alert_resolved', { alert: id, rule, subject });
  }
  for (const { channel, subject, data } of messages)
    log.info('alert_told', { channel, subject, alerts: data.total });
}
