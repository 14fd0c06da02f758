// The laws of the part of the sweep that lets on who waits for others: all of it is done, whatever of it fails and however much it is.
import { expect, test } from 'vitest';
import { LinkSweep } from '../../src/engine/link-sweep.ts';
import { type Setup, setup } from '../support/unstuck.ts';

const atGate = (
  { query }: Setup,
  columns: string,
  values: string,
  count: number,
): Promise<unknown> =>
  query(
    `insert into unstuck.jobs (type, wake_at, attempts_max, claim_within_ms, ${columns})
     select 'post', now() + interval '1 hour', 5, 300000, ${values} from generate_series(1, $1) as s (n)`,
    [count],
  );

const waiting = async ({ query }: Setup): Promise<number> =>
  (await query(`select from unstuck.jobs where waits_for in ('slot', 'limit')`)).length;

test('E7: executions that cannot be cancelled keep nobody from a slot or from a place at a limit', async () => {
  const all = await setup({ sweep: false });
  const { query, unstuck } = all;
  await unstuck.pools.set('publisher:42', { capacity: 1 });
  await query(
    `create function unstuck.refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$`,
  );
  await query(
    `create trigger refuse before insert on unstuck.executions for each row execute function unstuck.refuse()`,
  );
  const orphan = '01a2140e-0000-7000-8000-000000000000';
  await query(`insert into unstuck.fan_outs values ($1, 'post', '[1]', 1, 1, null, now())`, [
    orphan,
  ]);
  await query(`insert into unstuck.jobs (type, parent_id, ordinal) values ('post', $1, 0)`, [
    orphan,
  ]);
  await atGate(all, 'waits_for, wants_pool', `'slot', 'publisher:42'`, 1);
  await atGate(all, 'waits_for, limit_key', `'limit', 'type:post'`, 1);
  const sweep = new LinkSweep(all.database());
  await expect(sweep.round()).rejects.toThrow('refused');
  expect(await waiting(all)).toBe(0);
});

test('K1: more keys than one statement looks at are all reached: at once, or where time is short in the next round', async () => {
  const all = await setup({ sweep: false });
  await all.query(
    `insert into unstuck.limits (name, running, updated_at) values ('host', 1, now())`,
  );
  await atGate(all, 'waits_for, limit_key', `'limit', 'host#' || n`, 510);
  const sweep = new LinkSweep(all.database());
  await sweep.round();
  if ((await waiting(all)) > 0) await sweep.round();
  expect(await waiting(all)).toBe(0);
});

test('S4.4: the plans and executions of parents that are gone are forgotten, however many they are', async () => {
  const { query, connect } = await setup({ sweep: false });
  await query(`insert into unstuck.fan_outs select unstuck.new_id(), 'cell', '[]', 40, 1, null, now() - interval '2 days'
    from generate_series(1, 300)`);
  await query(`insert into unstuck.executions select f.parent_id, n, unstuck.new_id(), 'completed', 1, null, null, now()
    from unstuck.fan_outs f, generate_series(1, 40) as s (n)`);
  (await connect({ sweep: true })).sweep();
  const left = (): Promise<unknown[]> =>
    query('select from unstuck.fan_outs union all select from unstuck.executions');
  await expect.poll(async () => (await left()).length, { timeout: 20_000 }).toBe(0);
});
