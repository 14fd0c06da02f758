// The laws of alert rules about what is elsewhere: remote workers that take no jobs, Redis lists whose messages die; and that no finding is without a rule.
import { expect, test } from 'vitest';
import type { Sight } from '../../src/domain/alert-decisions.ts';
import { DEFAULT_RULES, type RuleKind, type RuleOptions } from '../../src/domain/alert-rules.ts';
import { defineAlerts } from '../../src/domain/define-alerts.ts';
import type { LateGroup } from '../../src/domain/explain.ts';
import { look } from '../../src/features/alerts/look.ts';
import { type Setup, setup } from '../support/unstuck.ts';
import { someChannel } from './support/alerts.ts';

/** What a rule sees now. */
async function seen({ database }: Setup, options: RuleOptions): Promise<readonly Sight[]> {
  const { rules } = defineAlerts({ channels: { ops: someChannel() }, rules: [options] });
  return look(database(), rules[0] as (typeof rules)[number]);
}

/** Which rules tell of each kind of finding, in place of `findings`. A kind that is added must be told of, too. */
const OWN: Readonly<Record<LateGroup['kind'], readonly RuleKind[]>> = {
  queued: [],
  hold: [],
  gate: [],
  slot: [],
  limit: [],
  running: [],
  loop: [],
  bridge: [],
  target: ['target-down', 'target-waits'],
  schedule: ['schedule-missed'],
};

test('of every kind of finding the usual rules tell, once', () => {
  const findings = DEFAULT_RULES.find((rule) => rule.kind === 'findings');
  const usual = DEFAULT_RULES.map(({ kind }) => kind);
  for (const [kind, own] of Object.entries(OWN)) {
    expect([kind, findings?.kinds?.includes(kind)]).toEqual([kind, own.length === 0]);
    expect(usual).toEqual(expect.arrayContaining([...own]));
  }
});

const TARGET = `insert into unstuck.targets (name, worker_id, url, failures_max, probe_every_ms, probe_for_ms, probe_then_ms, silence_ms,
    ramp_max, state, since, down_since, next_probe_at, last_error, defined_at)
  values ($1, gen_random_uuid(), 'https://gpu', 3, 60000, 3600000, 600000, 60000, 10, $2, now(), case when $2 = 'down' then now() end,
    case when $2 = 'down' then now() end, '{"message": "refused"}', now())`;
const WAITS = `insert into unstuck.findings (kind, subject, reason, action, count, oldest, first_seen, last_seen, next_look)
  values ('target', $1, 'target "' || $1 || '" is so', 'do that', 3, now(), now(), now(), now() + interval '1 year')`;

test('O1: jobs that wait for a target that is not down are told of: it is paused, busy, or gone', async () => {
  const all = await setup({ sweep: false });
  for (const [name, state] of Object.entries({ busy: 'up', down: 'down', forgotten: 'down' }))
    await all.query(TARGET, [name, state]);
  await all.query(`update unstuck.targets set paused_at = now() where name = 'forgotten'`);
  for (const name of ['busy', 'down', 'forgotten', 'gone']) await all.query(WAITS, [name]);
  const subjects = async (options: RuleOptions): Promise<string[]> =>
    (await seen(all, options)).map(({ subject }) => subject);
  expect(await subjects({ kind: 'target-waits' })).toEqual(['busy', 'forgotten', 'gone']);
  expect(await subjects({ kind: 'target-waits', targets: ['gone'] })).toEqual(['gone']);
  expect(await subjects({ kind: 'target-down' })).toEqual(['down']);
  expect((await seen(all, { kind: 'target-waits' }))[0]?.summary).toBe(
    '3 jobs: target "busy" is so. Next: do that',
  );
});

test('a target that nothing was sent to for weeks is no worker that was lost', async () => {
  const all = await setup({ sweep: false });
  await all.query(TARGET, ['seldom', 'up']);
  await all.query(
    `insert into unstuck.workers (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version, started_at, ended_at, pull)
      select worker_id, 'target ' || name, 'target', 0, '', 1000, now(), now(), 'dead', '{}', 0, 'http', now(), now(), true from unstuck.targets`,
  );
  expect(await seen(all, { kind: 'worker-lost' })).toEqual([]);
});

test('S4.3: dead messages of a Redis list are told of while they grow more, and not for ever', async () => {
  const all = await setup({ sweep: false });
  const add = (name: string, dead: number, growth: number | null): Promise<unknown> =>
    all.query(
      `insert into unstuck.bridges (name, list, dead_list, take_from, address, every_ms, late_ms, state, looked_at, next_look, dead, dead_oldest_at, dead_growth)
        values ($1, 'jobs', 'jobs:dead', 'right', 'redis://r', 5000, 60000, 'up', now(), now() + interval '5 seconds', $2, now(), $3)`,
      [name, dead, growth],
    );
  await add('old', 500, 0);
  await add('new', 500, null);
  await add('orders', 12, 0.9);
  expect(await seen(all, { kind: 'dead-messages' })).toMatchObject([
    {
      subject: 'orders',
      count: 12,
      summary:
        'The dead list jobs:dead of the bridge orders grows, 12 messages are in it: unstuck redis dead orders',
    },
  ]);
  expect(await seen(all, { kind: 'dead-messages', bridges: ['other'] })).toEqual([]);
  await all.moveClock('1 minute');
  // Nobody has looked since: that is a finding, and what was seen last says nothing any more.
  expect(await seen(all, { kind: 'dead-messages' })).toEqual([]);
});
