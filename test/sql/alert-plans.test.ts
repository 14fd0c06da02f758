// Rounds of the alerts cost what there is of alerts, however many ends of jobs are told beside them.
import { expect, test } from 'vitest';
import { seeFailingChannels } from '../../src/sql/alert-rules.ts';
import { countRecentMessages, handToFallback } from '../../src/sql/alerts.ts';
import { engineSettings } from '../../src/sql/session.ts';
import { namesOf } from '../../src/sql/sql.ts';
import { setup } from '../support/unstuck.ts';

/** Ends of jobs that were told, or could not be, within a day. */
const TOLD = 200_000;
/** They stand in thousands of pages; each of the twenty messages that are handed on is written twice. */
const PAGES_MAX = 500;
const STATEMENTS = [
  ['hand-to-fallback', handToFallback, "'ops', 'mail', 2"],
  ['see-failing-channels', seeFailingChannels, '2, 3600000'],
  ['count-recent-messages', countRecentMessages, ''],
] as const;

test('beside 200,000 deliveries of ends of jobs, what every round asks about messages of alerts reads no more than these', async () => {
  const all = await setup({ sweep: false });
  const session = await all.session();
  await session.query(engineSettings({ statementMs: 60_000, lockMs: 10_000, idleMs: 60_000 }).text);
  await session.query(
    `insert into unstuck.deliveries (purpose, channel, address, payload, job_id, state, next_at, created_at, delivered_at, failed_at)
     select 'notify', 'webhook', 'https://a.example', '{}', gen_random_uuid(), case when n % 10 = 0 then 'failed' else 'delivered' end, null,
       now() - n * interval '200 ms', case when n % 10 > 0 then now() - n * interval '200 ms' end,
       case when n % 10 = 0 then now() - n * interval '200 ms' end
     from generate_series(1, $1) n`,
    [TOLD],
  );
  await session.query(
    `insert into unstuck.deliveries (purpose, channel, payload, state, next_at, failed_at)
     select 'alert', 'ops', '{"event": "alert.firing"}', 'failed', null, now() - n * interval '1 minute' from generate_series(1, 20) n`,
  );
  const look = async (): Promise<Record<string, number>> => {
    const pages: Record<string, number> = {};
    for (const [name, , values] of STATEMENTS) {
      const { rows } = await session.query<{
        'QUERY PLAN': [{ Plan: { 'Shared Hit Blocks': number; 'Shared Read Blocks': number } }];
      }>(
        `explain (analyze, buffers, format json) execute "${name}"${values === '' ? '' : `(${values})`}`,
      );
      const plan = rows[0]?.['QUERY PLAN'][0].Plan;
      pages[name] = (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0);
    }
    return pages;
  };
  for (const [name, statement] of STATEMENTS)
    await session.query(`prepare "${name}" as ${statement.build(namesOf('unstuck')).text}`);
  await session.query('begin');
  const stale = await look();
  await session.query('rollback');
  await session.query('analyze unstuck.deliveries');
  const fresh = await look();
  console.log({ stale, fresh });
  for (const [when, pages] of Object.entries({ stale, fresh }))
    for (const [name, count] of Object.entries(pages))
      expect(count, `${name}, ${when}`).toBeLessThan(PAGES_MAX);
}, 60_000);
