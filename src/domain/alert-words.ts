/** Alert words: what a rule has seen, in one line for a person. */
import { formatDuration } from '../std/duration.ts';
import type { Sight } from './alert-decisions.ts';
import type { Rule, RuleKind, RuleValue } from './alert-rules.ts';
import { cutText } from './payload.ts';

/** What a rule has seen of one subject, before it is put into words. */
export interface Seen {
  readonly subject: string;
  readonly count: number;
  readonly since: Date | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

const SUBJECT_MAX = 500;
const SUMMARY_MAX = 1_000;

/** Puts what was seen into words. */
export function sightOf(rule: Rule, seen: Seen): Sight {
  const { subject, count, since, facts } = seen;
  const detail = since === null ? facts : { ...facts, since: since.toISOString() };
  const summary = cutText(WORDS[rule.kind](seen, rule.parameters), SUMMARY_MAX);
  return { subject: cutText(subject, SUBJECT_MAX), count, summary, detail };
}

type Words = (seen: Seen, parameters: Readonly<Record<string, RuleValue>>) => string;

const WORDS: Readonly<Record<RuleKind, Words>> = {
  stuck: ({ subject, count }) =>
    `${jobs(count)} of ${subject} are late, and nothing explains why: unstuck status`,
  findings,
  oldest: ({ subject, since }, { over }) =>
    `The oldest job of ${subject} has waited for a worker since ${time(since)}, longer than ${length(over)}`,
  'oldest-of-queue': ({ subject, since }, { over }) =>
    `The oldest job of the queue ${subject} has waited for a worker since ${time(since)}, longer than ${length(over)}`,
  'dead-letters': ({ subject, count }, { window }) =>
    `${jobs(count)} of ${subject} failed for good within ${length(window)}: unstuck job list --state failed --type ${subject}`,
  'failure-rate': ({ subject, count, facts }, { window }) =>
    `${count} of ${text(facts['ended'])} jobs of ${subject} that ended within ${length(window)} failed (${percent(facts['share'])})`,
  'worker-lost': ({ subject, count, since, facts }) =>
    `The worker ${subject} on ${text(facts['host'])} died at ${time(since)}${count > 1 ? `, the last of ${count}` : ''}, and none has come in its place`,
  'schedule-missed': ({ subject, since, facts }) =>
    facts['error'] === undefined
      ? `The schedule ${subject} was due at ${time(since)} and was not fired`
      : `The schedule ${subject} cannot be fired since ${time(since)}: ${text(facts['error'])}`,
  'paused-with-backlog': ({ subject, count, since, facts }) =>
    `${jobs(count)} ${count === 1 ? 'waits' : 'wait'} behind the pause of ${subject}${by(facts)}, the oldest since ${time(since)}`,
  'target-down': ({ subject, count, since, facts }) =>
    `The target ${subject} is down since ${time(since)}${count > 0 ? `, ${jobs(count)} ${count === 1 ? 'waits' : 'wait'} for it` : ''}${colon(facts['error'])}`,
  'target-waits': findings,
  'dead-messages': ({ subject, count, facts }) =>
    `The dead list ${text(facts['list'])} of the bridge ${subject} grows, ${count === 1 ? '1 message is' : `${count} messages are`} in it: unstuck redis dead ${subject}`,
  'detector-dead': ({ subject, since }) =>
    `No process has ended a good round of the ${subject} since ${time(since)}: late jobs may go unseen`,
  'channel-failing': ({ subject, count, since, facts }) =>
    `${count === 1 ? 'A message' : `${count} messages`} to the channel ${subject} did not arrive, the first of ${time(since)}${colon(facts['error'])}`,
};

function findings({ count, facts }: Seen): string {
  const of = count > 1 ? `${jobs(count)}: ` : '';
  return `${of}${text(facts['reason'])}. Next: ${text(facts['action'])}`;
}

function jobs(count: number): string {
  return count === 1 ? '1 job' : `${count} jobs`;
}

function time(at: Date | null): string {
  return at === null ? 'an unknown time' : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function length(value: RuleValue | undefined): string {
  return typeof value === 'number' ? formatDuration(value) : 'its time';
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'unknown';
}

function percent(value: unknown): string {
  return typeof value === 'number' ? `${Math.round(value * 100)} %` : 'unknown';
}

function colon(value: unknown): string {
  return typeof value === 'string' && value !== '' ? `: ${value}` : '';
}

function by({ by: name, reason }: Readonly<Record<string, unknown>>): string {
  return `${typeof name === 'string' ? ` by ${name}` : ''}${typeof reason === 'string' ? ` (${reason})` : ''}`;
}
