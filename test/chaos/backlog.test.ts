// A backlog of other jobs does not slow a claim: the plan goes through the ready index and reads no more than it takes.
// bench/backlog.ts shows the same with a million of each, and the times.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { claimJobs } from '../../src/sql/claim.ts';
import { NAMES, queuedJobs, registerWorker, Session } from './sessions.ts';
import { arena } from './setup.ts';

const BACKLOG = 50_000;
const LIMIT = 50;
const WANTED = JSON.stringify([{ type: 'plain', timeout_ms: 60_000, rank: -100_000, seq: '-1' }]);

test.each(['without statistics', 'analysed'])(
  'a claim beside 50,000 scheduled and 50,000 unhandled jobs, %s, reads the ready index only as far as it takes',
  async (statistics) => {
    const { client, url } = await arena();
    await client.query('drop trigger watch_jobs on unstuck.jobs');
    await client.query(
      `insert into unstuck.jobs (waits_for, wake_at, claim_by, type, attempts_max, claim_within_ms)
     select 'time', now() + n * interval '1 second', null, 'plain', 5, 300000 from generate_series(1, $1) as s (n)`,
      [BACKLOG],
    );
    await queuedJobs(client, 'nobody', BACKLOG);
    await queuedJobs(client, 'plain', 2 * LIMIT);
    await queuedJobs(client, 'zz-nobody', BACKLOG);
    if (statistics === 'analysed') await client.query('analyze unstuck.jobs');
    const session = await Session.open(url);
    const worker = await registerWorker(client, 'live');
    const values = [worker, randomUUID(), WANTED, LIMIT];
    const { rows } = await session.client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
      `explain (analyze, buffers, format json) ${claimJobs.build(NAMES).text}`,
      values,
    );
    const nodes = flat(rows[0]?.['QUERY PLAN'][0].Plan as Node);
    const reads = nodes.filter(
      (node) => node['Relation Name'] === 'jobs' && node['Node Type'] !== 'ModifyTable',
    );
    expect(reads.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    expect(reads.map((node) => node['Index Name'])).toContain('jobs_ready');
    const ready = reads.find((node) => node['Index Name'] === 'jobs_ready');
    expect(ready?.['Actual Rows']).toBe(LIMIT);
    expect(ready?.['Rows Removed by Filter'] ?? 0).toBe(0);
    // A row read, locked and written costs a handful of pages; a walk through the backlog would cost thousands.
    const root = nodes[0] as Node;
    expect(root['Shared Hit Blocks'] + root['Shared Read Blocks']).toBeLessThan(LIMIT * 40);
    console.log(
      `${statistics}: ${root['Shared Hit Blocks'] + root['Shared Read Blocks']} pages for ${LIMIT} jobs`,
    );
  },
  60_000,
);

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Node[];
}

function flat(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flat)];
}
