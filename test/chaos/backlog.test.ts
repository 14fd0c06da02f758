// A backlog of other jobs does not slow claims and settles: their plans read no more than they take.
// bench/backlog.ts shows the same with a million of each, and the times.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { claimJobs, finishAndClaim } from '../../src/sql/claim.ts';
import { deferJobs, finishJobs } from '../../src/sql/settle.ts';
import type { Statement } from '../../src/sql/sql.ts';
import { NAMES, queuedJobs, registerWorker, runningJobs, Session } from './sessions.ts';
import { arena } from './setup.ts';

const BACKLOG = 60_000;
const LIMIT = 50;
const WANTED = JSON.stringify([{ type: 'plain', timeout_ms: 60_000, rank: -100_000, seq: '-1' }]);

test.each(['without statistics', 'analysed'])(
  'beside 60,000 scheduled and 120,000 unhandled jobs, %s, claims and settles read no more than they take',
  async (statistics) => {
    const { client, url } = await arena();
    await client.query('drop trigger watch_jobs on unstuck.jobs');
    const worker = await registerWorker(client, 'live');
    const running = await runningJobs(client, worker, 3 * LIMIT);
    await client.query(
      `insert into unstuck.jobs (waits_for, wake_at, claim_by, type, attempts_max, claim_within_ms)
     select 'time', now() + n * interval '1 second', null, 'plain', 5, 300000 from generate_series(1, $1) as s (n)`,
      [BACKLOG],
    );
    await queuedJobs(client, 'nobody', BACKLOG);
    await queuedJobs(client, 'plain', 3 * LIMIT);
    await queuedJobs(client, 'zz-nobody', BACKLOG);
    if (statistics === 'analysed') await client.query('analyze unstuck.jobs');
    const session = await Session.open(url);
    const batch = (part: number, end: object): string =>
      JSON.stringify(
        running.slice(part * LIMIT, (part + 1) * LIMIT).map((id) => ({ id, token: '1', ...end })),
      );
    const finish = { state: 'completed', result: null };
    const defer = { gate: null, delay_ms: 0, charged: false, outcome: 'released' };
    const claim = [worker, randomUUID(), WANTED, LIMIT];
    const again = [worker, randomUUID(), WANTED, LIMIT];
    const pages = {
      claim: await pagesOf(session, claimJobs, claim),
      'settle and claim': await pagesOf(session, finishAndClaim, [...again, batch(0, finish)]),
      settle: await pagesOf(session, finishJobs, [worker, batch(1, finish)]),
      defer: await pagesOf(session, deferJobs, [worker, batch(2, defer)]),
    };
    console.log(`${statistics}, pages for ${LIMIT} jobs: ${JSON.stringify(pages)}`);
    // A row read, locked and written, with its index entries, costs some ten pages; a walk through the backlog tens of thousands.
    for (const [what, count] of Object.entries(pages)) expect(count, what).toBeLessThan(LIMIT * 60);
  },
  60_000,
);

/** Runs a statement as the engine does, prepared with a generic plan; returns how many pages it touched. */
async function pagesOf(
  session: Session,
  statement: Statement<unknown>,
  values: readonly (string | number)[],
): Promise<number> {
  const name = `planned_${statement.name.replaceAll('-', '_')}`;
  await session.client.query(`prepare ${name} as ${statement.build(NAMES).text}`);
  const given = values.map((value) => (typeof value === 'number' ? `${value}` : `'${value}'`));
  const { rows } = await session.client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
    `explain (analyze, buffers, format json) execute ${name} (${given.join(', ')})`,
  );
  const root = rows[0]?.['QUERY PLAN'][0].Plan as Node;
  const scans = flat(root).filter((node) => node['Relation Name'] === 'jobs');
  expect(scans.length).toBeGreaterThan(0);
  expect(scans.map((node) => node['Node Type'])).not.toContain('Seq Scan');
  return root['Shared Hit Blocks'] + root['Shared Read Blocks'];
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Node[];
}

function flat(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flat)];
}
