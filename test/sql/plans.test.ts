// The plans of the hot statements do not depend on how many jobs there are, nor on what the statistics believe.
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { endColumns } from '../../src/engine/settle-rows.ts';
import { countOverdue } from '../../src/sql/alert-rules.ts';
import { cancelJobs, deleteJobs } from '../../src/sql/bulk.ts';
import {
  claimAlone,
  claimDurably,
  claimJobs,
  finishAndClaim,
  stampAlone,
} from '../../src/sql/claim.ts';
import { beginDispatch, closeDispatch, takeLooks } from '../../src/sql/dispatches.ts';
import {
  enqueueAlike,
  enqueueDistinct,
  enqueueJobs,
  findConflicts,
} from '../../src/sql/enqueue.ts';
import { findLateGroups } from '../../src/sql/findings.ts';
import { dropClaims, findForeign, findUnknown, pruneClaims } from '../../src/sql/lifeline.ts';
import {
  findParents,
  findWaitingKeys,
  findWaitingPools,
  lookAtParents,
} from '../../src/sql/links.ts';
import {
  beatPulled,
  findFormer,
  findPulled,
  handOver,
  pullState,
  registerPull,
} from '../../src/sql/pull.ts';
import { resetJobs } from '../../src/sql/reset-stuck.ts';
import {
  cancelReplaced,
  failSchedules,
  lockDueSchedules,
  moveSchedules,
} from '../../src/sql/schedules.ts';
import { engineSettings } from '../../src/sql/session.ts';
import {
  awaitRow,
  deferJobs,
  findAccepted,
  finishJobs,
  noteProgress,
} from '../../src/sql/settle.ts';
import { namesOf, type Statement } from '../../src/sql/sql.ts';
import {
  admit,
  failExpired,
  findDue,
  findExpired,
  findLost,
  findOverdue,
  promote,
  reclaim,
  timeOut,
} from '../../src/sql/sweep.ts';
import {
  findParked,
  findToPark,
  noteFailed,
  parkQueued,
  probeAnswered,
  takeProbes,
  unpark,
} from '../../src/sql/targets.ts';
import { takeTick, takeTickBlindly } from '../../src/sql/ticks.ts';
import { queuedJobs, registerWorker } from '../chaos/sessions.ts';
import { makeTarget, type Query, silentJobs } from '../engine/targets/support/rows.ts';
import { setup } from '../support/unstuck.ts';

/** Jobs of each of the four kinds of backlog: queued before and behind the type in the index, of the type itself, and due later. */
const BACKLOG = 250_000;
const BATCH = 20;
/** Pages that a row read, locked and written may cost with its index entries; a walk through the backlog costs tens of thousands. */
const PAGES_PER_ROW = 60;
/** A tick looks for each kind of work by an index, and for strays in 500 pages of the table in their order. */
const TICK_PAGES = 600;
/** A round of findings reads 8,000 pages of the table in their order, and in the index the heads of each type. */
const FINDING_PAGES = 12_000;
const MOVES =
  '[{"name":"s9","next_at":"2030-01-01","fired":1,"missed":0,"skipped":0,"resumed":false}]';
const NAMES = namesOf('unstuck');

test('beside a million jobs, whatever the statistics say, every hot statement reads no more than it takes', async () => {
  const all = await setup({ sweep: false });
  const session = await all.session();
  await session.query(engineSettings({ statementMs: 60_000, lockMs: 10_000, idleMs: 60_000 }).text);
  await session.query('alter table unstuck.jobs set (autovacuum_enabled = off)');
  const calls = hotCalls(await makeBatches(session));
  for (const { statement } of calls)
    await session.query(`prepare "${statement.name}" as ${statement.build(NAMES).text}`);
  const bounds = Object.fromEntries(calls.map(({ statement, pages }) => [statement.name, pages]));
  const look = async (): Promise<Record<string, Look>> => {
    const looks: Record<string, Look> = {};
    for (const call of calls) looks[call.statement.name] = await explain(session, call);
    return looks;
  };

  await session.query('analyze unstuck.jobs');
  const few = await look();
  await addBacklog(session);
  const stale = await look();
  await session.query('analyze unstuck.jobs, unstuck.schedules');
  const fresh = await look();

  for (const [when, looks] of Object.entries({ few, stale, fresh }))
    for (const [name, { pages, scans }] of Object.entries(looks)) {
      expect(scans, `${name}, ${when}`).not.toContain('Seq Scan');
      expect(scans, `${name}, ${when}`).not.toContain('Bitmap Heap Scan');
      expect(pages, `${name}, ${when}`).toBeLessThan(bounds[name] ?? BATCH * PAGES_PER_ROW);
    }
  console.log(
    Object.keys(few)
      .map(
        (name) => `${name}: ${[few, stale, fresh].map((looks) => looks[name]?.pages).join(', ')}`,
      )
      .join('\n'),
  );
}, 120_000);

interface Call {
  readonly statement: Statement<unknown>;
  readonly values: readonly (string | number | boolean | null)[];
  /** The pages that it may read, where they are not those of a batch. */
  readonly pages?: number;
}

/** Every statement that runs while jobs come, run and end, with values that make it find a batch. */
function hotCalls(batches: Batches): readonly Call[] {
  const { worker, running, lost, due, expired, byHand, closed, parked } = batches;
  const wanted = JSON.stringify([{ type: 'm', timeout_ms: 60_000, rank: -100_000, seq: '-1' }]);
  const list = (more: object): string =>
    JSON.stringify(running.map((id) => ({ id, token: '1', ...more })));
  const array = (ids: readonly string[]): string => `{${ids.join(',')}}`;
  const ends = endColumns(running.map((id) => ({ id, token: '1' })));
  const made = (key: string | null): Call['values'] => [
    `{${randomUUID().slice(0, -2)}00}`,
    '{m}',
    '[1]',
    ...Array.from({ length: 7 }, () => null),
    key,
    null,
    300_000,
    5,
    null,
    null,
    null,
  ];
  const call = (statement: Statement<unknown>, ...values: Call['values']): Call => ({
    statement,
    values,
  });
  return [
    call(enqueueAlike, `{${randomUUID().slice(0, -2)}00}`, '[1]', 'm', 0, 300_000, 5, null),
    call(enqueueJobs, ...made(null)),
    call(enqueueDistinct, ...made('{k}'), null),
    call(findConflicts, array(running), '{k}'),
    call(claimJobs, worker, randomUUID(), wanted, BATCH),
    call(claimDurably, worker, randomUUID(), wanted, BATCH),
    call(finishAndClaim, worker, ...ends, randomUUID(), wanted, BATCH),
    call(claimAlone, worker, randomUUID(), wanted, 1, true),
    call(stampAlone, worker, running[0] ?? '', '1', 60_000, true),
    call(finishJobs, worker, ...ends),
    call(deferJobs, worker, list({ gate: 'retry', delay_ms: 1, charged: true, outcome: 'failed' })),
    call(findAccepted, list({ ends: true, outcome: null })),
    call(awaitRow, running[0] ?? ''),
    call(noteProgress, worker, list({ progress: 0.5 })),
    call(findForeign, worker, list({})),
    call(findUnknown, worker, 0, '{}', list({})),
    call(dropClaims, worker, array([randomUUID()])),
    call(pruneClaims, worker),
    call(takeTickBlindly, 'sweep', 1_000),
    { statement: takeTick, values: ['sweep', 1_000, 0, 500, 1_000], pages: TICK_PAGES },
    call(registerPull, worker, 'w', 30_000, '{m}', 1),
    call(pullState, worker, '{m}'),
    call(handOver, worker, array(running)),
    call(findPulled, running[0] ?? '', '1'),
    call(beatPulled, running[0] ?? '', '1'),
    call(findFormer, running[0] ?? '', '1'),
    call(findToPark, BATCH),
    call(parkQueued, array(closed)),
    call(findParked),
    call(unpark, array(parked)),
    call(takeProbes, BATCH),
    call(probeAnswered, 'down', 1),
    call(takeLooks, '{up}', BATCH, 1_000),
    call(beginDispatch, running[0] ?? '', '1', worker, 'up', '00', 1_000),
    call(closeDispatch, running[0] ?? '', '1'),
    call(noteFailed, 'up', running[0] ?? '', '1', '{}', true),
    call(findDue, 'time', BATCH),
    call(promote, array(due)),
    call(admit, array(byHand), 300_000, 5),
    call(findExpired, BATCH),
    call(failExpired, array(expired), '{}', 'expired'),
    call(findLost, BATCH),
    call(reclaim, array(lost), '{}'),
    call(findOverdue, 0, BATCH),
    call(cancelReplaced, '{replaced}', 'schedule', 'replaced'),
    call(lockDueSchedules, BATCH),
    call(moveSchedules, MOVES),
    call(failSchedules, '[{"name":"s9","error":{}}]'),
    call(timeOut, array(running), 0, '{}', 1_000, 60_000),
    call(cancelJobs, array(running), null, null, null),
    call(resetJobs, array(running), null, null, null, 0),
    call(deleteJobs, array(due), '-infinity', 'infinity'),
    call(lookAtParents, 30_000, BATCH),
    call(findWaitingPools, '', BATCH),
    call(findWaitingKeys, '', BATCH),
    call(findParents, '00000000-0000-0000-0000-000000000000', BATCH),
    { statement: countOverdue, values: [0, 0], pages: FINDING_PAGES },
    { statement: findLateGroups, values: [0, 0, 8_000], pages: FINDING_PAGES },
  ];
}

interface Look {
  readonly pages: number;
  /** How the plan reads the tables of jobs. */
  readonly scans: readonly string[];
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Node[];
}

/** Runs a statement as the engine does, prepared with a generic plan, and takes it back. */
async function explain(session: Client, { statement, values }: Call): Promise<Look> {
  const given = values.map((value) =>
    typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value),
  );
  await session.query('begin');
  const { rows } = await session.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
    `explain (analyze, buffers, format json) execute "${statement.name}"${given.length === 0 ? '' : ` (${given.join(', ')})`}`,
  );
  await session.query('rollback');
  const root = rows[0]?.['QUERY PLAN'][0].Plan as Node;
  return {
    pages: root['Shared Hit Blocks'] + root['Shared Read Blocks'],
    scans: flat(root)
      .filter((node) => /^(jobs|finished|schedules)/.test(node['Relation Name'] ?? ''))
      .map((node) => node['Node Type']),
  };
}

function flat(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flat)];
}

/** The ids of a batch of each kind. */
interface Batches {
  readonly worker: string;
  readonly running: readonly string[];
  readonly lost: readonly string[];
  readonly due: readonly string[];
  readonly expired: readonly string[];
  readonly byHand: readonly string[];
  /** Queued, of a type whose target is down. */
  readonly closed: readonly string[];
  /** They wait for a target that is up. */
  readonly parked: readonly string[];
}

/** A batch that a live worker runs past its timeout, one that a dead worker left, one that is due, one that has expired, one inserted by hand, and two that are queued. */
async function makeBatches(session: Client): Promise<Batches> {
  const worker = await registerWorker(session, 'live');
  const running = await hold(session, worker);
  const lost = await hold(session, await registerWorker(session, 'dead'));
  const waiting = async (columns: string, values: string): Promise<string[]> => {
    const { rows } = await session.query<{ id: string }>(
      `insert into unstuck.jobs (type, waits_for, wake_at, attempts_max, claim_within_ms, ${columns})
       select 'm', 'time', now() - interval '1 hour', 5, 300000, ${values} from generate_series(1, $1) returning id`,
      [BATCH],
    );
    return rows.map(({ id }) => id);
  };
  await queuedJobs(session, 'm', 2 * BATCH);
  await session.query(
    `update unstuck.jobs set crashes = 1 where id = (select id from unstuck.jobs where waits_for is null and worker_id is null limit 1)`,
  );
  await session.query(`insert into unstuck.jobs (type, unique_key) values ('m', 'replaced')`);
  await session.query(
    `insert into unstuck.jobs (type, waits_for, wake_at, attempts_max, claim_within_ms) values ('m', 'executions', now(), 5, 300000)`,
  );
  const { rows: byHand } = await session.query<{ id: string }>(
    `insert into unstuck.jobs (type) select 'm' from generate_series(1, $1) returning id`,
    [BATCH],
  );
  return {
    worker,
    running,
    lost,
    due: await waiting('run_at', `now() - interval '1 hour'`),
    expired: await waiting('finish_by', `now() - interval '1 hour'`),
    byHand: byHand.map(({ id }) => id),
    ...(await makeTargets(session)),
  };
}

/** A target that is down and one that is up; of each a type, and jobs of it that are to be parked, and to be let go on. */
async function makeTargets(session: Client): Promise<Pick<Batches, 'closed' | 'parked'>> {
  const query: Query = (text, values) => session.query(text, values);
  await makeTarget(query, 'up', 'to up');
  await makeTarget(query, 'down', 'to down', 'now()');
  await queuedJobs(session, 'to down', BATCH);
  await parkedJobs(session, 'to up', BATCH);
  await silentJobs(query, 'up', 'held', BATCH);
  const ids = async (type: string): Promise<string[]> =>
    (
      await session.query<{ id: string }>('select id::text from unstuck.jobs where type = $1', [
        type,
      ])
    ).rows.map(({ id }) => id);
  return { closed: await ids('to down'), parked: await ids('to up') };
}

async function parkedJobs(session: Client, type: string, count: number): Promise<void> {
  await session.query(
    `insert into unstuck.jobs (type, waits_for, wake_at, attempts_max, claim_within_ms)
     select $1, 'target', now() + interval '1 hour', 5, 300000 from generate_series(1, $2)`,
    [type, count],
  );
}

async function hold(session: Client, worker: string): Promise<string[]> {
  const { rows } = await session.query<{ id: string }>(
    `insert into unstuck.jobs (type, waits_for, wake_at, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms)
     select 'm', null, null, $1, 1, 1, now() - interval '2 hours', now() - interval '1 hour', 5, 300000 from generate_series(1, $2)
     returning id`,
    [worker, BATCH],
  );
  const ids = rows.map(({ id }) => id);
  await session.query(
    `insert into unstuck.claims (id, worker_id, job_ids, expires_at, created_at) values ($1, $2, $3, now() - interval '1 hour', now() - interval '2 hours')`,
    [randomUUID(), worker, ids],
  );
  return ids;
}

async function addBacklog(session: Client): Promise<void> {
  await session.query(
    `insert into unstuck.schedules (name, type, cron, next_at)
     select 's' || n, 'm', '* * * * *', now() + (n - 5) * interval '1 second' from generate_series(1, 50000) as s (n)`,
  );
  for (const type of ['a', 'm', 'z']) await queuedJobs(session, type, BACKLOG);
  await queuedJobs(session, 'to down', 100_000);
  for (const type of ['to up', 'to down']) await parkedJobs(session, type, 100_000);
  await session.query(
    `insert into unstuck.jobs (type, waits_for, wake_at, attempts_max, claim_within_ms)
     select 'm', 'time', now() + n * interval '1 second' + interval '1 hour', 5, 300000 from generate_series(1, $1) as s (n)`,
    [BACKLOG],
  );
}
