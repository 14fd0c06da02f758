// Takes a safeguard out of the functions and statements of links, in one test database or process, so that a test can show that it would notice.

import { cancelJob } from '../../src/sql/admin.ts';
import { cancelChildren } from '../../src/sql/links.ts';
import { finishLinked } from '../../src/sql/settle.ts';
import { raw, type Statement } from '../../src/sql/sql.ts';

/** What each mutant replaces (all of it), and in which function of the schema or which statement. */
const MUTANTS = {
  /** Slots are counted without a lock: two that come at once count the same. */
  'pool-unlocked': {
    where: 'take_pools',
    changes: [['update "unstuck".pools p set version = p.version + 1 where p.key = k', 'null']],
  },
  /** The lock leaves no new version of the row: a transaction with an older snapshot does not fail, and counts in it. */
  'pool-lock-only': {
    where: 'take_pools',
    changes: [
      [
        'update "unstuck".pools p set version = p.version + 1 where p.key = k',
        'perform from "unstuck".pools p where p.key = k for update',
      ],
    ],
  },
  /** New jobs do not queue behind those that wait already, and count one slot too many. */
  'one-slot-more': { where: 'take_pools', changes: [['p.capacity - (', '1 + p.capacity - (']] },
  /** Two that let in at once may both take the last place. */
  'limit-unlocked': {
    where: 'let_into_limit',
    changes: [
      ['where o.key = k for update;', 'where o.key = k;'],
      // Its row is locked by this as well, while another has let in and not committed.
      [
        'insert into "unstuck".limit_keys (key, used_at) values (k, "unstuck".clock()) on conflict do nothing',
        'null',
      ],
    ],
  },
  /** The rate counts nobody. */
  'rate-uncounted': {
    where: 'let_into_limit',
    changes: [['starts := starts || "unstuck".clock()', 'null']],
  },
  /** Waiting jobs take slots that a lowered capacity has taken away. */
  'capacity-ignored': {
    where: 'let_into_pool',
    changes: [['while used < p.capacity and', 'while used <= p.capacity and']],
  },
  /** Two that look at a parent at once both wake it. */
  'parent-unlocked': {
    where: 'wake_parents',
    changes: [['order by w.id for update', 'order by w.id']],
  },
  /** A parent goes on whether or not its executions are live. */
  'parent-unasked': {
    where: 'wake_parents',
    changes: [['not exists (select from "unstuck".jobs c where c.parent_id = a.id)', 'true']],
  },
  /** Nobody hears that slots have become free. */
  'pools-untold': {
    where: 'go_on',
    changes: [['from unnest(pools) x', 'from unnest(pools[2:1]) x']],
  },
  /** Nobody hears that places at limits have become free. */
  'keys-untold': {
    where: 'go_on',
    changes: [['reached text[] := keys', "reached text[] := '{}'"]],
  },
  /** Completed jobs are not counted. */
  'processed-forgotten': {
    where: finishLinked,
    changes: [["e.slot_pool is not null and e.state = 'completed'", 'false']],
  },
  /** Completed jobs are counted twice. */
  'processed-twice': {
    where: finishLinked,
    changes: [['select e.slot_pool, count(*)', 'select e.slot_pool, 2 * count(*)']],
  },
  /** Jobs that failed are counted as well. */
  'processed-always': { where: finishLinked, changes: [["and e.state = 'completed'", '']] },
  /** A completed execution is not noted. */
  'execution-forgotten': {
    where: finishLinked,
    changes: [['and j.parent_id is not null', 'and false']],
  },
  /** An execution that somebody cancels is not noted. */
  'cancel-unnoted': { where: cancelJob, changes: [['and j.parent_id is not null', 'and false']] },
  /** A cancelled job tells nobody who waits for it. */
  'cancel-untold': {
    where: cancelJob,
    changes: [['select e.id::text, case when', 'select e.id::text, case when false and']],
  },
  /** The executions of a parent that was cancelled are not found. */
  'children-kept': {
    where: cancelChildren,
    changes: [['order by j.id limit $2', 'order by j.id limit 0 * $2::integer']],
  },
} as const;

/** The name of a mutant of links. */
export type LinkMutant = keyof typeof MUTANTS;

/** Runs one SQL text. */
type Query = (text: string, values?: unknown[]) => Promise<unknown>;

/**
 * Takes the safeguard out; returns how to put it back. Throws when it is not there: then the mutant would prove nothing. Statements that a
 * connection has prepared before stay whole: a mutant of a statement needs a Database of its own.
 */
export async function mutateLinks(query: Query, mutant: LinkMutant): Promise<() => Promise<void>> {
  const { where, changes } = MUTANTS[mutant];
  const without = (text: string): string =>
    changes.reduce<string>((whole, [from, to]) => {
      if (!whole.includes(from)) throw new Error(`${mutant}: there is no ${JSON.stringify(from)}.`);
      return whole.replaceAll(from, to);
    }, text);
  if (typeof where === 'string') {
    const whole = await sourceOf(query, where);
    await query(without(whole));
    return async () => void (await query(whole));
  }
  const target: Statement<unknown> = where;
  const build = target.build.bind(target);
  Object.assign(target, {
    build: (names: Parameters<typeof build>[0]) => raw(without(build(names).text)),
  });
  return () => Promise.resolve(void Object.assign(target, { build }));
}

/** The text that makes a function of the schema. */
async function sourceOf(query: Query, name: string): Promise<string> {
  const answer = await query(
    `select pg_get_functiondef(p.oid) as text from pg_proc p
     where p.proname = $1 and p.pronamespace = 'unstuck'::regnamespace`,
    [name],
  );
  const rows = Array.isArray(answer) ? answer : (answer as { rows: unknown[] }).rows;
  const [row] = rows as { text: string }[];
  if (row === undefined) throw new Error(`There is no function ${name}.`);
  return row.text;
}
