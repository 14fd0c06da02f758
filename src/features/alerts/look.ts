/** Look: for which subjects a rule holds now. */
import type { Sight } from '../../domain/alert-decisions.ts';
import type { Rule, RuleKind } from '../../domain/alert-rules.ts';
import { type Seen, sightOf } from '../../domain/alert-words.ts';
import { countStuck } from '../../engine/status.ts';
import {
  countEnded,
  type SightRow,
  seeDeadDetectors,
  seeDeadMessages,
  seeDownTargets,
  seeFailingChannels,
  seeFindings,
  seeLostWorkers,
  seeMissedSchedules,
  seeOldest,
  seeOldestOfQueue,
  seePausedBacklog,
  seeWaitedFor,
} from '../../sql/alert-rules.ts';
import { addDays, listPartitions, parsePartition, readToday } from '../../sql/partitions.ts';
import type { Statement } from '../../sql/sql.ts';
import type { Database } from '../../storage/database.ts';

/** Looks for what a rule looks for; throws what the database throws. */
export async function look(database: Database, rule: Rule): Promise<readonly Sight[]> {
  const seen = await LOOKS[rule.kind](database, rule);
  return seen.map((one) => sightOf(rule, one));
}

type Look = (database: Database, rule: Rule) => Promise<readonly Seen[]>;

/** A statement that answers subjects; its values are these parameters of the rule. */
const asking =
  (statement: Statement<SightRow>, ...names: readonly string[]): Look =>
  async (database, { parameters }) => {
    const rows = await database.run(
      statement,
      names.map((name) => parameters[name] ?? null),
    );
    return rows.map((row) => ({ ...row, count: Number(row.count) }));
  };

const LOOKS: Readonly<Record<RuleKind, Look>> = {
  stuck: async (database) =>
    [...(await countStuck(database))].map(([subject, count]) => ({
      subject,
      count,
      since: null,
      facts: {},
    })),
  findings: asking(seeFindings, 'kinds'),
  oldest: asking(seeOldest, 'over', 'types'),
  'oldest-of-queue': asking(seeOldestOfQueue, 'over', 'queues'),
  'dead-letters': async (database, rule) => {
    const ended = await endedOf(database, rule, ['finished_failed']);
    const { count: least } = rule.parameters as { readonly count: number };
    return ended
      .filter(({ failed }) => failed >= least)
      .map(({ type, failed }) => ({ subject: type, count: failed, since: null, facts: {} }));
  },
  'failure-rate': async (database, rule) => {
    const ended = await endedOf(database, rule, ['finished_failed', 'finished_completed']);
    const { share: least, atLeast } = rule.parameters as {
      readonly share: number;
      readonly atLeast: number;
    };
    return ended
      .map((row) => ({ ...row, share: row.failed / row.ended }))
      .filter((row) => row.ended >= atLeast && row.share >= least)
      .map(({ type, failed, ended: all, share }) => ({
        subject: type,
        count: failed,
        since: null,
        facts: { ended: all, share },
      }));
  },
  'worker-lost': asking(seeLostWorkers, 'window'),
  'schedule-missed': asking(seeMissedSchedules, 'over'),
  'paused-with-backlog': asking(seePausedBacklog, 'over'),
  'target-down': asking(seeDownTargets, 'targets'),
  'target-waits': asking(seeWaitedFor, 'targets'),
  'dead-messages': asking(seeDeadMessages, 'bridges'),
  'detector-dead': asking(seeDeadDetectors, 'over'),
  'channel-failing': asking(seeFailingChannels, 'attempts', 'window'),
};

/** How jobs ended within the window of a rule, in the partitions that it reaches into. */
async function endedOf(
  database: Database,
  { parameters }: Rule,
  tables: readonly string[],
): Promise<readonly { readonly type: string; readonly failed: number; readonly ended: number }[]> {
  const window = parameters['window'] as number;
  const partitions = (await database.run(listPartitions))
    .filter(({ detaching }) => !detaching)
    .flatMap(({ partition }) => parsePartition(partition) ?? [])
    .filter(({ table }) => tables.includes(table));
  const [today] = await database.run(readToday);
  const first = addDays(today?.today as string, -1 - Math.ceil(window / 86_400_000));
  const reached = partitions.filter(({ day }) => day >= first);
  if (reached.length === 0) return [];
  const text = countEnded(database.names, reached);
  const values = [window, parameters['types'] ?? null];
  const { rows } = await database.hold((on) => on.query({ text: text.text, values }));
  return (rows as { type: string; failed: string; ended: string }[]).map(
    ({ type, failed, ended }) => ({ type, failed: Number(failed), ended: Number(ended) }),
  );
}
