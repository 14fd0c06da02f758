// Two attempts of one job, and everything that may end them, in every order: one end is accepted, always.
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AttemptRef } from '../../src/engine/lifeline-messages.ts';
import { endColumns } from '../../src/engine/settle-rows.ts';
import { cancelJob } from '../../src/sql/admin.ts';
import { claimAlone, claimJobs } from '../../src/sql/claim.ts';
import { markDead } from '../../src/sql/fleet.ts';
import { findUnknown } from '../../src/sql/lifeline.ts';
import { deferJobs, finishJobs } from '../../src/sql/settle.ts';
import { findLost, reclaim, timeOut } from '../../src/sql/sweep.ts';
import { readClaim } from '../../src/storage/claim-answer.ts';
import { type Mutant, mutated } from './mutants.ts';
import {
  interleavings,
  NAMES,
  queuedJobs,
  registerWorker,
  runningJobs,
  Session,
  type Step,
  settle,
} from './sessions.ts';
import { type Arena, arena } from './setup.ts';

const ERROR = JSON.stringify({ code: 'X', name: 'X', message: 'X' });
const WANTED = JSON.stringify([{ type: 'plain', timeout_ms: 60_000, rank: -100_000, seq: '-1' }]);

let place: Arena;
beforeEach(async () => {
  place = await arena();
});

/** Who took the job from whom in one schedule. */
interface Taken {
  settledFirst: boolean;
  settledSecond: boolean;
  cancelled: boolean;
  timedOut: boolean;
}

type Verb = 'settle' | 'reclaim' | 'cancel' | 'time out';
type Schedule = readonly (readonly [Verb, number])[];

describe('two attempts of one job', () => {
  test.each([
    [['settle', 'cancel', 'time out']],
    [['settle', 'reclaim', 'cancel']],
    [['settle', 'reclaim', 'time out']],
    [['reclaim', 'cancel', 'time out']],
  ] as const)(
    'all interleavings of %s: one accepted end',
    async (verbs) => {
      const schedules = schedulesOf(verbs);
      expect(await violationsOf(schedules)).toEqual([]);
      console.log(`${verbs.join(', ')}: ${schedules.length} interleavings`);
    },
    120_000,
  );

  test('all four together: one accepted end', async () => {
    const all = schedulesOf(['settle', 'reclaim', 'cancel', 'time out']);
    // All 18,900 take minutes; every 47th (a prime, so that no step is always left out) is enough on each commit.
    const schedules =
      process.env['UNSTUCK_LONG'] === '1' ? all : all.filter((_, n) => n % 47 === 0);
    expect(await violationsOf(schedules)).toEqual([]);
    console.log(`all four: ${schedules.length} of ${all.length} interleavings`);
  }, 600_000);

  test('the mutant without a fence is caught', async () => {
    const found = await violationsOf(schedulesOf(['settle', 'reclaim']), 'no-fence');
    expect(found.length).toBeGreaterThan(0);
  }, 60_000);

  test('under one worker id: the older one cannot end the newer; without the token it could', async () => {
    const { client, url } = place;
    const session = await Session.open(url);
    const worker = await registerWorker(client, 'live');
    const [id] = await runningJobs(client, worker);
    await client.query('update unstuck.jobs set token = 2');
    const values = [worker, ...endColumns([{ id: id ?? '', token: '1' }])];
    expect(await session.run(finishJobs, values)).toEqual([{ id, token: '1' }]);
    const mutant = mutated(finishJobs, 'no-token', NAMES);
    expect(await session.run(finishJobs, values, mutant)).toEqual([]);
  });
});

/** A statement, its commit, and for a reclaim what follows it: another worker claims and ends the job. */
function schedulesOf(verbs: readonly Verb[]): Schedule[] {
  return interleavings(
    verbs.map((verb) =>
      (verb === 'reclaim' ? [0, 1, 2, 3] : [0, 1]).map((step) => [verb, step] as const),
    ),
  );
}

async function violationsOf(schedules: readonly Schedule[], mutant?: Mutant): Promise<string[]> {
  const { client, url } = place;
  const verbs = [...new Set(schedules[0]?.map(([verb]) => verb))];
  const sessions = new Map<Verb, Session>();
  for (const verb of verbs) sessions.set(verb, await Session.open(url));
  const [dead, live] = [await registerWorker(client, 'dead'), await registerWorker(client, 'live')];
  const found: string[] = [];
  for (const schedule of schedules) {
    const [id = ''] = await runningJobs(client, dead);
    const taken: Taken = {
      settledFirst: false,
      settledSecond: false,
      cancelled: false,
      timedOut: false,
    };
    const steps = stepsOf({ id, dead, live, taken, mutant });
    for (const [verb, step] of schedule) {
      sessions.get(verb)?.start(steps[verb][step] as Step);
      await settle(client, [...sessions.values()]);
    }
    const wrong = await judge(id, taken);
    if (wrong !== undefined)
      found.push(`${schedule.map((one) => one.join(' ')).join(', ')}: ${wrong}`);
    await client.query('delete from unstuck.jobs');
  }
  return found;
}

function stepsOf({
  id,
  dead,
  live,
  taken,
  mutant,
}: {
  id: string;
  dead: string;
  live: string;
  taken: Taken;
  mutant: Mutant | undefined;
}): Record<Verb, Step[]> {
  const text = mutant === undefined ? undefined : mutated(finishJobs, mutant, NAMES);
  let second: string | undefined;
  const commit: Step = (session) => session.commit();
  const open = (act: Step): Step[] => [
    (session) => session.begin().then(() => act(session)),
    commit,
  ];
  const end = (token: string) => endColumns([{ id, token, result: JSON.stringify({ token }) }]);
  return {
    settle: open(async (session) => {
      taken.settledFirst = (await session.run(finishJobs, [dead, ...end('1')], text)).length === 0;
    }),
    cancel: open(async (session) => {
      taken.cancelled = (await session.run(cancelJob, [id, 'test', null])).length === 1;
    }),
    'time out': open(async (session) => {
      taken.timedOut = (await session.run(timeOut, [[id], 0, ERROR, 1_000, 1_000])).length === 1;
    }),
    reclaim: [
      ...open((session) => session.run(reclaim, [[id], ERROR])),
      async (session) => {
        const rows = await session.run(claimAlone, [live, randomUUID(), WANTED, 1, true]);
        second = readClaim(rows, 'plain').jobs[0]?.token;
      },
      async (session) => {
        if (second === undefined) return;
        const refused = await session.run(finishJobs, [live, ...end(second)], text);
        taken.settledSecond = refused.length === 0;
      },
    ],
  };
}

/** What is wrong with the outcome of one schedule. */
async function judge(id: string, taken: Taken): Promise<string | undefined> {
  const { rows } = await place.client.query<{
    live: number;
    token: string | null;
    result: string | null;
    ended: number;
  }>(
    `select (select count(*)::integer from unstuck.jobs where id = $1) as live, count(*)::integer as ended,
       max(token)::text as token, max(result ->> 'token') as result from unstuck.finished where id = $1`,
    [id],
  );
  const row = rows[0] ?? { live: 0, ended: 0, token: null, result: null };
  const ends = Object.values(taken).filter(Boolean).length;
  if (ends > 1) return `${ends} ends were accepted: ${JSON.stringify(taken)}`;
  if (row.ended !== ends) return `${row.ended} rows in finished after ${ends} accepted ends`;
  if (row.live + row.ended !== 1) return `the job is in ${row.live + row.ended} places`;
  if (row.result !== null && row.result !== row.token)
    return `ended under token ${row.token} by the attempt with token ${row.result}`;
  return undefined;
}

describe('a claim and the death of its worker', () => {
  test('a worker that was declared dead claims nothing; without the check it would', async () => {
    const { client, url } = place;
    const session = await Session.open(url);
    const worker = await registerWorker(client, 'live');
    await queuedJobs(client, 'plain', 3);
    await session.run(markDead, [[worker], 300, true]);
    const values = [worker, randomUUID(), WANTED, 10];
    expect(await session.run(claimJobs, values)).toEqual([]);
    expect(
      await session.run(claimJobs, values, mutated(claimJobs, 'dead-claims', NAMES)),
    ).toHaveLength(3);
  });

  test('a worker is declared dead after its claim that is on its way, which the next look then finds', async () => {
    const { client, url } = place;
    const [claimer, sweeper] = [await Session.open(url), await Session.open(url)];
    const worker = await registerWorker(client, 'live');
    await queuedJobs(client, 'plain', 3);
    await claimer.begin();
    expect(await claimer.run(claimJobs, [worker, randomUUID(), WANTED, 10])).toHaveLength(3);
    sweeper.start((session) => session.run(markDead, [[worker], 300, true]));
    await settle(client, [claimer, sweeper]);
    expect(sweeper.idle).toBe(false);
    await claimer.commit();
    await settle(client, [claimer, sweeper]);
    const lost = await sweeper.run(findLost, [100]);
    expect(lost).toHaveLength(3);
    const moved = await sweeper.run(reclaim, [lost.map(({ id }) => id), ERROR]);
    expect(moved.map(({ state }) => state)).toEqual(['queued', 'queued', 'queued']);
  });
});

test.each([
  'enable_hashjoin',
  'enable_mergejoin',
  'enable_nestloop',
  'enable_material',
  'enable_indexscan',
])('two claims at once take as many jobs as they may, none twice, with %s off', async (setting) => {
  const { client, url } = place;
  const sessions = [await Session.open(url), await Session.open(url)];
  await queuedJobs(client, 'plain', 100);
  const taken: string[] = [];
  for (const session of sessions) {
    await session.client.query(`select set_config($1, 'off', false)`, [setting]);
    await session.begin();
    const worker = await registerWorker(client, 'live');
    const rows = await session.run(claimJobs, [worker, randomUUID(), WANTED, 10]);
    expect(rows).toHaveLength(10);
    taken.push(...rows.map(([id]) => id));
  }
  for (const session of sessions) await session.commit();
  expect(new Set(taken).size).toBe(20);
  const { rows } = await client.query('select from unstuck.jobs where worker_id is not null');
  expect(rows).toHaveLength(20);
});

test('B6: a job that its worker claimed again a moment ago is not unknown because of an older claim of it', async () => {
  const { client, url } = place;
  const session = await Session.open(url);
  const worker = await registerWorker(client, 'live');
  const [id] = await runningJobs(client, worker);
  await client.query(
    `insert into unstuck.claims (id, worker_id, job_ids, expires_at, created_at)
     values (gen_random_uuid(), $1, array[$2::uuid], now() + interval '1 hour', now() - interval '1 minute')`,
    [worker, id],
  );
  const values = [worker, 1_200, [], '[]'];
  expect(await session.run(findUnknown, values)).toEqual([{ id, token: '1' }]);
  await client.query('update unstuck.jobs set token = 2, started_at = now()');
  expect(await session.run(findUnknown, values)).toEqual([]);
});

describe('two batches that settle the same jobs in opposite order', () => {
  const cases = [
    ['finish', finishJobs, endColumns],
    ['defer', deferJobs, releases],
  ] as const;

  test.each(cases)('%s: never deadlock', async (_name, statement, encode) => {
    expect(await inOppositeOrder(statement, encode)).toEqual(['done', 'done']);
  });

  test.each(cases)('%s: deadlock when they are not ordered', async (_name, statement, encode) => {
    expect(await inOppositeOrder(statement, encode, 'unordered-batch')).toContain('40P01');
  });
});

function releases(refs: AttemptRef[]): string[] {
  const release = { gate: null, delay_ms: 0, charged: false, outcome: 'released' };
  return [JSON.stringify(refs.map((ref) => ({ ...ref, ...release })))];
}

/** The first batch holds `a` while `x` is held by another, the second `b` while `y` is; then both go on. */
async function inOppositeOrder(
  statement: typeof finishJobs | typeof deferJobs,
  encode: (refs: AttemptRef[]) => readonly (string | null)[],
  mutant?: Mutant,
): Promise<string[]> {
  const { client, url } = place;
  const worker = await registerWorker(client, 'live');
  const [a = '', b = '', x = '', y = ''] = await runningJobs(client, worker, 4);
  const [first, second, holder, other] = [
    await Session.open(url),
    await Session.open(url),
    await Session.open(url),
    await Session.open(url),
  ];
  const sessions = [first, second, holder, other];
  const outcomes: string[] = [];
  const text = mutant === undefined ? undefined : mutated(statement, mutant, NAMES);
  const write =
    (ids: readonly string[]): Step =>
    async (session) => {
      const batch = encode(ids.map((id) => ({ id, token: '1' })));
      const outcome = await session.run(statement, [worker, ...batch], text).then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
      outcomes.push(outcome);
    };
  for (const [session, id] of [
    [holder, x],
    [other, y],
  ] as const) {
    await session.begin();
    await session.client.query('select from unstuck.jobs where id = $1 for update', [id]);
  }
  first.start(write([a, x, b]));
  await settle(client, sessions);
  second.start(write([b, y, a]));
  await settle(client, sessions);
  await holder.commit();
  await settle(client, sessions);
  await other.commit();
  await settle(client, sessions);
  // PostgreSQL looks for deadlocks after a second.
  while (outcomes.length < 2) await settle(client, sessions);
  return outcomes;
}

describe('two enqueues of one key', () => {
  test.each([
    ['commits', 'key-live'],
    ['rolls back', 'created'],
  ] as const)('when the first %s, the second is told %s', async (how, reason) => {
    const { client, url, unstuck } = place;
    const [first, second] = [await Session.open(url), await Session.open(url)];
    await Promise.all([first.begin(), second.begin()]);
    const one = await unstuck.enqueue('plain', {}, { key: 'k', in: first.client });
    let two: Awaited<typeof one> | undefined;
    second.start(async (session) => {
      two = await unstuck.enqueue('plain', {}, { key: 'k', in: session.client });
    });
    await settle(client, [first, second]);
    expect(two).toBeUndefined();
    await first.client.query(how === 'commits' ? 'commit' : 'rollback');
    await settle(client, [first, second]);
    await second.commit();
    expect(two).toMatchObject({ reason, created: reason === 'created' });
    if (how === 'commits') expect(two?.id).toBe(one.id);
    const { rows } = await client.query('select id from unstuck.jobs');
    expect(rows).toEqual([{ id: two?.id }]);
  });
});
