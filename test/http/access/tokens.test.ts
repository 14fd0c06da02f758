// The laws of tokens over HTTP: shown once, kept as a hash, good for their scopes, and gone when they are revoked.
import { describe, expect, test } from 'vitest';
import { makeToken } from '../../../src/domain/tokens.ts';
import { bearer, guarded, ROOT } from './support.ts';

const JOB = { type: 'free', input: {} };

describe('a token', () => {
  test('is shown once; the database has no part of it', async () => {
    const { handler, query } = await guarded();
    const ask = handler({ token: ROOT });
    const made = await ask('/v1/tokens', {
      headers: bearer(ROOT),
      json: { name: 'ci', scopes: ['write'], expires_in: '90d' },
    });
    expect(made).toMatchObject({
      status: 201,
      body: { name: 'ci', scopes: ['write'], valid: true, created_by: 'root', last_used_at: null },
    });
    const token = String(made.body['token']);
    const list = await ask('/v1/tokens', { headers: bearer(ROOT) });
    const { token: _, ...kept } = made.body;
    expect(list.body).toEqual({ data: [kept], next_cursor: null });
    const [row] = await query('select t::text as all from unstuck.tokens t');
    expect(JSON.stringify(row)).not.toContain(token.slice(19, 40));
  });

  test('does what its scopes say, and no more', async () => {
    const { handler, token } = await guarded();
    const ask = handler({ token: ROOT });
    const [reads, enqueues, admin] = [
      await token('read'),
      await token('enqueue'),
      await token('admin'),
    ];
    const statusOf = async (text: string, path: string, json?: unknown): Promise<number> =>
      (await ask(path, { headers: bearer(text), json })).status;
    expect(await statusOf(reads, '/v1/jobs')).toBe(200);
    expect(await statusOf(reads, '/v1/jobs', JOB)).toBe(403);
    expect(await statusOf(enqueues, '/v1/jobs')).toBe(403);
    expect(await statusOf(enqueues, '/v1/jobs', JOB)).toBe(201);
    expect(await statusOf(reads, '/v1/tokens')).toBe(403);
    expect(await statusOf(admin, '/v1/tokens')).toBe(200);
    expect((await ask('/v1/jobs', { headers: bearer(reads), json: JOB })).body).toMatchObject({
      code: 'SCOPE_MISSING',
      facts: { missing_scope: 'enqueue' },
    });
  });

  test('whoever asks learns who they are', async () => {
    const { handler, token } = await guarded();
    const ask = handler({ token: ROOT });
    expect((await ask('/v1/me', { headers: bearer(await token('write', 'ops')) })).body).toEqual({
      name: 'ops',
      scopes: ['write'],
      allows: ['enqueue', 'read', 'write'],
      via: 'token',
    });
    expect((await ask('/v1/me', { headers: bearer(ROOT) })).body).toMatchObject({
      name: 'root',
      via: 'root',
    });
    expect(await ask('/v1/me')).toMatchObject({ status: 401 });
    expect((await handler()('/v1/me')).body).toMatchObject({ name: 'http', via: 'host' });
  });

  test('one that was never made, is mistyped, or has the secret of another is refused in the same words', async () => {
    const { handler, token } = await guarded();
    const ask = handler({ token: ROOT });
    const [good, other] = [await token('read'), await token('admin')];
    const mixed = `${good.slice(0, 19)}${other.slice(19)}`;
    const strange = makeToken(new Uint8Array(8), new Uint8Array(32));
    const details = new Set<unknown>();
    for (const wrong of [strange, mixed, `${good.slice(0, -1)}!`, 'x', 'x'.repeat(600)]) {
      const refused = await ask('/v1/me', { headers: bearer(wrong) });
      expect(refused).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
      if (wrong.length < 500) details.add(refused.body['detail']);
    }
    expect(details.size).toBe(1);
  });

  test('one with the id of another and a secret of its own is refused', async () => {
    const { handler, query } = await guarded();
    const forged = makeToken(new Uint8Array(8), new Uint8Array(32));
    const id = forged.slice(8, 18);
    await query(
      `insert into unstuck.tokens (id, digest, name, scopes) values ($1, sha256('other'), 'a', '{admin}')`,
      [id],
    );
    expect((await handler()('/v1/me', { headers: bearer(forged) })).status).toBe(401);
    await query('update unstuck.tokens set digest = sha256($1)', [Buffer.from(forged)]);
    expect((await handler()('/v1/me', { headers: bearer(forged) })).status).toBe(200);
  });

  test('a wrong one is refused where none is needed, too', async () => {
    const { handler } = await guarded();
    expect(await handler()('/v1/me', { headers: bearer('wrong') })).toMatchObject({ status: 401 });
  });

  test('one of the database opens a server that has no token of its own, whatever its name', async () => {
    const { handler, token } = await guarded();
    const ask = handler();
    const at = 'http://jobs.example';
    expect(await ask('/v1/me', { at })).toMatchObject({ status: 403 });
    expect(await ask('/v1/me', { at, headers: bearer(await token('read')) })).toMatchObject({
      status: 200,
    });
  });

  test('one that was revoked is refused at once by this process, and by another that asks anew', async () => {
    const { handler, token, unstuck } = await guarded();
    const text = await token('read');
    const ask = handler({ token: ROOT });
    expect((await ask('/v1/me', { headers: bearer(text) })).status).toBe(200);
    const [{ id } = { id: '' }] = (await unstuck.tokens.list()).tokens;
    const revoked = await ask(`/v1/tokens/${id}?reason=left`, {
      method: 'DELETE',
      headers: bearer(ROOT),
    });
    expect(revoked).toMatchObject({
      status: 200,
      body: { valid: false, revoked_by: 'root', revoke_reason: 'left' },
    });
    for (const each of [ask, handler({ token: ROOT })])
      expect((await each('/v1/me', { headers: bearer(text) })).status).toBe(401);
    const again = await ask(`/v1/tokens/${id}?reason=other`, {
      method: 'DELETE',
      headers: bearer(ROOT),
    });
    expect(again.body).toMatchObject({ revoke_reason: 'left' });
  });

  test('one that has expired is refused', async () => {
    const { handler, unstuck, moveClock } = await guarded();
    const { token } = await unstuck.tokens.create({ name: 'x', scopes: ['read'], expires: '1h' });
    expect((await handler()('/v1/me', { headers: bearer(token) })).status).toBe(200);
    await moveClock('61 minutes');
    expect((await handler()('/v1/me', { headers: bearer(token) })).status).toBe(401);
    expect((await unstuck.tokens.list()).tokens).toMatchObject([{ valid: false }]);
  });

  test('its use is noted, once a minute at most', async () => {
    const { handler, token, unstuck, moveClock } = await guarded();
    const text = await token('read');
    const used = async (): Promise<Date | null | undefined> => {
      expect((await handler()('/v1/me', { headers: bearer(text) })).status).toBe(200);
      return (await unstuck.tokens.list()).tokens[0]?.lastUsedAt;
    };
    const first = await used();
    expect(first).toBeInstanceOf(Date);
    expect(await used()).toEqual(first);
    await moveClock('2 minutes');
    expect(await used()).not.toEqual(first);
  });

  test('whoever holds its row locked keeps nobody out', async () => {
    const { handler, token, session } = await guarded();
    const text = await token('read');
    const holder = await session();
    await holder.query('begin; select * from unstuck.tokens for update');
    expect((await handler()('/v1/me', { headers: bearer(text) })).status).toBe(200);
    await holder.query('rollback');
  });
});

describe('tokens', () => {
  test('a scope that only a newer version knows allows nothing', async () => {
    const { handler, token, query } = await guarded();
    const text = await token('admin');
    await query(`update unstuck.tokens set scopes = '{everything}'`);
    const ask = handler({ token: ROOT });
    expect((await ask('/v1/me', { headers: bearer(text) })).body).toMatchObject({ scopes: [] });
    expect((await ask('/v1/jobs', { headers: bearer(text) })).status).toBe(403);
  });

  test('are listed in pages, newest first, without repeats', async () => {
    const { handler, token } = await guarded();
    const ask = handler();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await token('read', name);
    const names: unknown[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await ask(`/v1/tokens?limit=2${next}`);
      names.push(...(body['data'] as { name: string }[]).map(({ name }) => name));
      cursor = body['next_cursor'] as string | null;
    }
    expect(names).toEqual(['e', 'd', 'c', 'b', 'a']);
  });

  test.each<[string, unknown]>([
    ['no scope', { name: 'a', scopes: [] }],
    ['an unknown scope', { name: 'a', scopes: ['root'] }],
    ['a control character', { name: '\u0000', scopes: ['read'] }],
    ['a short end', { name: 'a', scopes: ['read'], expires_in: 5 }],
    ['an unknown field', { name: 'a', scopes: ['read'], admin: true }],
  ])('one with %s is not made', async (_what, json) => {
    const { handler, unstuck } = await guarded();
    expect((await handler()('/v1/tokens', { json })).status).toBe(422);
    expect((await unstuck.tokens.list()).tokens).toEqual([]);
  });

  test.each(['nobody', '%00', "'; drop table tokens", 'x'.repeat(100)])(
    'the id %j is told as unknown',
    async (id) => {
      const { handler } = await guarded();
      const gone = await handler()(`/v1/tokens/${id}`, { method: 'DELETE' });
      expect(gone).toMatchObject({ status: 404, body: { code: 'TOKEN_NOT_FOUND' } });
    },
  );

  test('a reason with NUL is refused', async () => {
    const { handler, token, unstuck } = await guarded();
    await token('read');
    const [{ id } = { id: '' }] = (await unstuck.tokens.list()).tokens;
    const refused = await handler()(`/v1/tokens/${id}?reason=%00`, { method: 'DELETE' });
    expect(refused).toMatchObject({ status: 422 });
    expect((await unstuck.tokens.list()).tokens).toMatchObject([{ valid: true }]);
  });
});

describe('secrets', () => {
  test.each(['token', 'access_token', 'Authorization', 'api_key'])(
    'a token in the query as %s is refused, also a wrong one',
    async (name) => {
      const { handler } = await guarded();
      const refused = await handler({ token: ROOT })(`/v1/jobs?${name}=${ROOT}`);
      expect(refused).toMatchObject({ status: 400, body: { code: 'TOKEN_IN_URL' } });
      expect(JSON.stringify(refused.body)).not.toContain(ROOT);
    },
  );

  test('a token under any other name is refused, and stands in no answer and no log', async () => {
    const { handler, token, lines, query } = await guarded();
    const text = await token('admin');
    const ask = handler();
    const refused = await ask(`/v1/jobs?q=${text}`);
    expect(refused).toMatchObject({ status: 400, body: { code: 'TOKEN_IN_URL' } });
    const paths = [refused, await ask(`/v1/nothing/${text}`)];
    await query('drop table unstuck.sessions, unstuck.tokens');
    paths.push(await ask(`/v1/tokens/${text}`, { method: 'DELETE' }));
    paths.push(await ask('/v1/tokens', { headers: bearer(text) }));
    expect(paths.map(({ status }) => status)).toEqual([400, 404, 404, 500]);
    expect(JSON.stringify(paths.map(({ body }) => body))).not.toContain(text.slice(0, 40));
    expect(JSON.stringify(lines)).not.toContain(text.slice(0, 40));
    expect(lines.some(({ event }) => event === 'request_failed')).toBe(true);
  });
});

test('a token that is taken for the name of a tick does not get into the log', async () => {
  const { handler, token, lines } = await guarded();
  const text = await token('tick');
  const done = await handler()(`/v1/ticks/${text}`, { method: 'POST', headers: bearer(text) });
  expect(done.status).toBe(200);
  expect(lines.find(({ event }) => event === 'tick')?.facts['name']).toBe('unstuck_…');
  expect(JSON.stringify(lines)).not.toContain(text);
});
