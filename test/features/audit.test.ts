// The laws of the audit: newest first, by pages, and kept as long as failed jobs are.
import { expect, test } from 'vitest';
import { pruneAudit } from '../../src/sql/audit.ts';
import { eventually, setup } from '../support/unstuck.ts';

test('entries come newest first, by pages', async () => {
  const { unstuck } = await setup({ sweep: false });
  const made: (string | null)[] = [];
  for (let n = 0; n < 5; n += 1) {
    const { id } = await unstuck.enqueue('mail', n);
    made.unshift((await unstuck.bulk.cancel({ ids: [id] }, { reason: `${n}` })).auditId);
  }
  const first = await unstuck.audit.list({ limit: 3 });
  expect(first.entries.map(({ id }) => id)).toEqual(made.slice(0, 3));
  expect(first.next).toBe(made[2]);
  const rest = await unstuck.audit.list({ limit: 3, after: first.next ?? undefined });
  expect(rest.entries.map(({ id }) => id)).toEqual(made.slice(3));
  expect(rest.next).toBeNull();
  expect(rest.entries[1]).toMatchObject({
    at: expect.any(Date),
    by: null,
    reason: '0',
    action: 'cancel',
  });
  await expect(unstuck.audit.list({ limit: 0 })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
});

test('an entry is kept as long as failed jobs are, and the sweep removes it', async () => {
  const all = await setup({ sweep: false, keepFailed: '2d' });
  const { id } = await all.unstuck.enqueue('mail', 1);
  await all.unstuck.bulk.cancel({ ids: [id] });
  await all.moveClock('47 hours');
  await all.database().run(pruneAudit, [all.unstuck.config.keepFailed]);
  expect((await all.unstuck.audit.list()).entries).toHaveLength(1);
  await all.moveClock('49 hours');
  const sweeping = await all.connect({ sweep: true });
  sweeping.sweep();
  await eventually(
    async () => (await all.unstuck.audit.list()).entries.length === 0,
    'the entry is removed',
  );
});
