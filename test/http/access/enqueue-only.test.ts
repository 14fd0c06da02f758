// The law of the scope `enqueue`: its holder stores jobs and sees no others, also where a key or another sender's job is in the way.
import { expect, test } from 'vitest';
import { bearer, guarded, ROOT } from './support.ts';

test('a taken key tells whoever may not read nothing but the id of the job that has it', async () => {
  const { handler, token } = await guarded();
  const ask = handler({ token: ROOT });
  const shop = bearer(await token('enqueue'));
  const order = { type: 'bill', input: { iban: 'DE02' }, key: 'order-1' };
  const { body: mine } = await ask('/v1/jobs', { json: order, headers: bearer(ROOT) });
  expect(mine).toMatchObject({ created: true, input: { iban: 'DE02' } });
  const guess = { type: 'bill', input: {}, key: 'order-1' };
  expect(await ask('/v1/jobs', { json: guess, headers: shop })).toMatchObject({
    status: 200,
    body: { id: mine['id'], created: false, enqueued: 'key-live' },
  });
  const { body } = await ask('/v1/jobs', { json: guess, headers: shop });
  expect(Object.keys(body).toSorted()).toEqual(['created', 'enqueued', 'id', 'notice']);
  const writer = bearer(await token('write'));
  expect((await ask('/v1/jobs', { json: guess, headers: writer })).body).toMatchObject({
    input: { iban: 'DE02' },
  });
});

test('what it has stored itself is shown to it, also when it sends the same again', async () => {
  const { handler, token } = await guarded();
  const ask = handler({ token: ROOT });
  const headers = { ...bearer(await token('enqueue')), 'idempotency-key': 'a' };
  const json = { type: 'bill', input: { iban: 'DE02' } };
  for (const replayed of [null, 'true']) {
    const answer = await ask('/v1/jobs', { json, headers });
    expect(answer.headers.get('idempotency-replayed')).toBe(replayed);
    expect(answer.body).toMatchObject({
      created: true,
      input: { iban: 'DE02' },
    });
  }
});
