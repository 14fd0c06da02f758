// The laws of the look with which a round of the sweep begins: it tells of everything that the statements of the round would find, and of nothing else.
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { adoptAction } from '../../src/sql/bulk-actions.ts';
import { claimDeliveries, expireDeliveries } from '../../src/sql/deliveries.ts';
import { takeLooks } from '../../src/sql/dispatches.ts';
import { clampLeases, pruneWorkers } from '../../src/sql/fleet.ts';
import {
  findParents,
  findWaitingKeys,
  findWaitingPools,
  foldPools,
  lookAtParents,
} from '../../src/sql/links.ts';
import { lockDueSchedules } from '../../src/sql/schedules.ts';
import type { Statement } from '../../src/sql/sql.ts';
import {
  findDue,
  findExpired,
  findLost,
  findOverdue,
  findPoolless,
  findStray,
  findUndefined,
} from '../../src/sql/sweep.ts';
import { findParked, findToPark, takeProbes } from '../../src/sql/targets.ts';
import { takeTick, type Work } from '../../src/sql/ticks.ts';
import type { Database } from '../../src/storage/database.ts';
import { queuedJobs, registerWorker } from '../chaos/sessions.ts';
import { makeTarget, type Query, silentJobs } from '../engine/targets/support/rows.ts';
import { setup } from '../support/unstuck.ts';

const on =
  (session: Client): Query =>
  (text, values) =>
    session.query(text, values);
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const GRACE_MS = 60_000;

interface Case {
  readonly name: string;
  readonly work: readonly Work[];
  readonly make: (session: Client) => Promise<unknown>;
  /** What does the work; how many rows it touches is compared with what the look says. */
  readonly by: readonly (readonly [Statement<unknown>, readonly unknown[]])[];
}

const CASES: readonly Case[] = [
  {
    name: 'a row inserted by hand, of a type that nobody has defined',
    work: ['by-hand'],
    make: (session) => session.query(`insert into unstuck.jobs (type) values ('t')`),
    by: [
      [findDue, ['admit', 1]],
      [findUndefined, [1]],
    ],
  },
  {
    name: 'a row inserted by hand for a pool that does not exist',
    work: ['by-hand'],
    make: (session) =>
      session.query(`insert into unstuck.jobs (type, wants_pool) values ('t', 'none')`),
    by: [[findPoolless, [1]]],
  },
  {
    name: 'a job whose time has come',
    work: ['time'],
    make: (session) => waiting(session, 'time', 'run_at', 'now()'),
    by: [[findDue, ['time', 1]]],
  },
  {
    name: 'a retry whose time has come',
    work: ['retry'],
    make: (session) => waiting(session, 'retry'),
    by: [[findDue, ['retry', 1]]],
  },
  {
    name: 'a job that was not finished by its finish_by',
    work: ['expired'],
    make: (session) => waiting(session, 'hold', 'finish_by', `now() - interval '1 second'`),
    by: [[findExpired, [1]]],
  },
  {
    name: 'a job that a dead worker holds',
    work: ['lost', 'stray', 'prune'],
    make: async (session) => hold(session, await registerWorker(session, 'dead'), '1 hour'),
    by: [
      [findLost, [1]],
      [findStray, [0, 500, GRACE_MS]],
    ],
  },
  {
    name: 'a job past its timeout',
    work: ['overdue', 'stray'],
    make: async (session) => hold(session, await registerWorker(session, 'live'), '-1 hour'),
    by: [
      [findOverdue, [GRACE_MS, 1]],
      [findStray, [0, 500, GRACE_MS]],
    ],
  },
  {
    name: 'a job that runs for nobody',
    work: ['stray'],
    make: (session) => running(session, randomUUID(), '1 hour'),
    by: [[findStray, [0, 500, GRACE_MS]]],
  },
  {
    name: 'a job that waits for a slot',
    work: ['slots'],
    make: (session) => waiting(session, 'slot', 'wants_pool', `'p'`),
    by: [[findWaitingPools, ['', 1]]],
  },
  {
    name: 'a job that waits at a limit',
    work: ['limits'],
    make: (session) => waiting(session, 'limit', 'limit_key', `'l'`),
    by: [[findWaitingKeys, ['', 1]]],
  },
  {
    name: 'a parent whose look has come',
    work: ['parents'],
    make: (session) => waiting(session, 'executions'),
    by: [[lookAtParents, [1_000, 1]]],
  },
  {
    name: 'a child',
    work: ['children'],
    make: (session) => waiting(session, 'hold', 'parent_id, ordinal', 'gen_random_uuid(), 0'),
    by: [[findParents, [FIRST_ID, 1]]],
  },
  {
    name: 'a completed job that is not counted yet',
    work: ['done'],
    make: async (session) => {
      await session.query(
        `insert into unstuck.pools (key, capacity, created_at, updated_at) values ('p', 1, now(), now())`,
      );
      await session.query(`insert into unstuck.pool_done (pool, n) values ('p', 1)`);
    },
    by: [[foldPools, []]],
  },
  {
    name: 'a lease that lies further ahead than a lease can',
    work: ['prune'],
    make: async (session) => {
      await registerWorker(session, 'live');
      await session.query(`update unstuck.workers set lease_until = now() + interval '10 days'`);
    },
    by: [[clampLeases, []]],
  },
  {
    name: 'a worker that ended long ago',
    work: ['prune'],
    make: async (session) => {
      await registerWorker(session, 'dead');
      await session.query(`update unstuck.workers set ended_at = now() - interval '2 days'`);
    },
    by: [[pruneWorkers, []]],
  },
  {
    name: 'a change of many jobs whose process has fallen silent',
    work: ['bulk-actions'],
    make: (session) =>
      session.query(
        `insert into unstuck.audit (id, at, action, detail, runner, beat_at)
          values ($1, now(), 'retry', '{}', $1, now() - interval '1 minute')`,
        [randomUUID()],
      ),
    by: [[adoptAction, [randomUUID(), []]]],
  },
  {
    name: 'a delivery that is to be sent',
    work: ['deliveries'],
    make: (session) =>
      session.query(
        `insert into unstuck.deliveries (purpose, channel, payload) values ('alert', 'ops', '{}')`,
      ),
    by: [[claimDeliveries, [[], 1, 1]]],
  },
  {
    name: 'a delivery whose time is over',
    work: ['deliveries'],
    make: (session) =>
      session.query(
        `insert into unstuck.deliveries (purpose, channel, payload, expires_at) values ('alert', 'ops', '{}', now())`,
      ),
    by: [[expireDeliveries, [1]]],
  },
  {
    name: 'a schedule whose time has come',
    work: ['schedules'],
    make: (session) => schedule(session, 'now()', 'now()'),
    by: [[lockDueSchedules, [1]]],
  },
  {
    name: 'a schedule that was computed before the clock was put back',
    work: ['schedules'],
    make: (session) =>
      schedule(session, `now() + interval '1 hour'`, `now() + interval '59 minutes'`),
    by: [[lockDueSchedules, [1]]],
  },
  {
    name: 'a target that is to be asked whether it is back',
    work: ['targets'],
    make: (session) => makeTarget(on(session), 'g', 't', 'now()'),
    by: [[takeProbes, [1]]],
  },
  {
    name: 'a target whose probe was planned before the clock was put back',
    work: ['targets'],
    make: (session) => makeTarget(on(session), 'g', 't', `now() + interval '1 hour'`),
    by: [[takeProbes, [1]]],
  },
  {
    name: 'a queued job whose target is down',
    work: ['targets'],
    make: async (session) => {
      await makeTarget(on(session), 'g', 't', `now() + interval '1 minute'`);
      await queuedJobs(session, 't', 1);
    },
    by: [[findToPark, [1]]],
  },
  {
    name: 'a job that waits for a target that is up',
    work: ['targets'],
    make: async (session) => {
      await makeTarget(on(session), 'g', 't');
      await waiting(session, 'target');
    },
    by: [[findParked, []]],
  },
  {
    name: 'a job that waits for a target that its type has no more',
    work: ['targets'],
    make: (session) => waiting(session, 'target'),
    by: [[findParked, []]],
  },
  {
    name: 'a dispatch of which nothing was heard in time',
    work: ['targets'],
    make: async (session) => {
      await makeTarget(on(session), 'g', 't');
      await silentJobs(on(session), 'g', 't', 1);
    },
    by: [[takeLooks, ['{g}', 1, 1_000]]],
  },
];

for (const { name, work, make, by } of CASES)
  test(`it tells of ${name}`, async () => {
    const all = await setup({ sweep: false });
    const database = all.database();
    expect(await look(database)).toEqual([]);
    await make(await all.session());
    expect(await look(database)).toEqual(work);
    for (const [statement, values] of by)
      expect(await touched(database, statement, values), statement.name).toBeGreaterThan(0);
  });

test('it tells of claims that ended workers left, until they are deleted', async () => {
  const all = await setup({ sweep: false });
  const database = all.database();
  const session = await all.session();
  await claim(session, await registerWorker(session, 'dead'), [randomUUID()], '1 hour');
  expect(await look(database)).toEqual(['lost', 'prune']);
  expect(await database.run(findLost, [1])).toEqual([]);
  await database.run(pruneWorkers);
  expect(await look(database)).toEqual([]);
});

test('who does not take the tick does not look, and a round without work has ended well', async () => {
  const all = await setup({ sweep: false });
  const database = all.database();
  expect(await look(database)).toEqual([]);
  expect(await all.query('select from unstuck.ticks where last_ok_at is not null')).toHaveLength(1);
  const [tick] = await database.run(takeTick, ['sweep', 60_000, GRACE_MS, 0, 500]);
  expect(tick).toMatchObject({ taken: false, work: null });
});

/** What a look that finds the tick due tells. */
async function look(database: Database): Promise<readonly Work[] | null | undefined> {
  const due = `update unstuck.ticks set next_at = unstuck.clock()`;
  await database.application.query(due);
  const [tick] = await database.run(takeTick, ['sweep', 60_000, GRACE_MS, 0, 500]);
  expect(tick?.taken).toBe(true);
  return tick?.work;
}

/** How many rows a statement returns or writes. */
async function touched(
  database: Database,
  statement: Statement<unknown>,
  values: readonly unknown[],
): Promise<number> {
  const { rowCount } = await database.application.query(database.text(statement), [...values]);
  return rowCount ?? 0;
}

/** A job at a gate whose time has come, with a column more. */
function waiting(session: Client, gate: string, column = 'rank', value = '0'): Promise<unknown> {
  return session.query(
    `insert into unstuck.jobs (type, waits_for, wake_at, attempts_max, claim_within_ms, ${column})
     values ('t', $1, now(), 5, 300000, ${value})`,
    [gate],
  );
}

async function running(session: Client, worker: string, expiresIn: string): Promise<string> {
  const { rows } = await session.query<{ id: string }>(
    `insert into unstuck.jobs (type, waits_for, wake_at, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms)
     values ('t', null, null, $1, 1, 1, now(), now() + $2::interval, 5, 300000) returning id::text`,
    [worker, expiresIn],
  );
  return rows[0]?.id ?? '';
}

function claim(
  session: Client,
  worker: string,
  jobs: readonly string[],
  expiresIn: string,
): Promise<unknown> {
  return session.query(
    `insert into unstuck.claims (id, worker_id, job_ids, expires_at, created_at)
     values ($1, $2, $3, now() + $4::interval, now() - interval '1 minute')`,
    [randomUUID(), worker, jobs, expiresIn],
  );
}

async function hold(session: Client, worker: string, expiresIn: string): Promise<unknown> {
  return claim(session, worker, [await running(session, worker, expiresIn)], expiresIn);
}

function schedule(session: Client, nextAt: string, computedAt: string): Promise<unknown> {
  return session.query(
    `insert into unstuck.schedules (name, type, cron, next_at, computed_at) values ('s', 't', '* * * * *', ${nextAt}, ${computedAt})`,
  );
}
