// The laws of sessions: a browser is known by a cookie, which ends by itself, with its token, and by a logout.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Answer, type Ask, bearer, guarded, ROOT } from './support.ts';

const SAME = { 'sec-fetch-site': 'same-origin' };

function logIn(ask: Ask, token: string, headers: Record<string, string> = {}): Promise<Answer> {
  return ask('/v1/session', { json: { token }, headers: { ...SAME, ...headers } });
}

/** The cookie of an answer as the next request carries it. */
function cookieOf({ headers }: Answer): { cookie: string } {
  return { cookie: headers.get('set-cookie')?.split(';')[0] ?? '' };
}

describe('a session', () => {
  test('begins with a token and is known by its cookie, with the name and scopes of the token', async () => {
    const { handler, token } = await guarded();
    const ask = handler({ token: ROOT });
    const opened = await logIn(ask, await token('write', 'ops'));
    const me = {
      name: 'ops',
      scopes: ['write'],
      allows: ['enqueue', 'read', 'write'],
      via: 'session',
    };
    expect(opened).toMatchObject({ status: 200, body: me });
    expect((await ask('/v1/me', { headers: cookieOf(opened) })).body).toEqual(me);
    const job = { json: { type: 'free', input: 1 }, headers: { ...cookieOf(opened), ...SAME } };
    expect(await ask('/v1/jobs', job)).toMatchObject({ status: 201 });
    expect(await ask('/v1/tokens', { headers: cookieOf(opened) })).toMatchObject({ status: 403 });
  });

  test('its cookie is out of reach of scripts and other sites, and over TLS of other hosts', async () => {
    const { handler } = await guarded();
    const ask = handler({ token: ROOT, trustProxy: true });
    const plain = await logIn(ask, ROOT);
    expect(plain.headers.get('set-cookie')).toMatch(
      /^unstuck=[0-9A-Za-z]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/,
    );
    const secure = await logIn(ask, ROOT, { 'x-forwarded-proto': 'https' });
    expect(secure.headers.get('set-cookie')).toMatch(
      /^__Host-unstuck=[0-9A-Za-z]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure$/,
    );
    const [name, secret = ''] = cookieOf(secure).cookie.split('=');
    expect(name).toBe('__Host-unstuck');
    const overTls = { 'x-forwarded-proto': 'https' };
    expect(await ask('/v1/me', { headers: { ...overTls, ...cookieOf(secure) } })).toMatchObject({
      status: 200,
    });
    // Over TLS the cookie that a neighbour could have set is not looked at.
    expect(
      await ask('/v1/me', { headers: { ...overTls, cookie: `unstuck=${secret}` } }),
    ).toMatchObject({ status: 401 });
  });

  test('a header of a proxy that nobody trusts makes no secure cookie', async () => {
    const { handler } = await guarded();
    const opened = await logIn(handler({ token: ROOT }), ROOT, { 'x-forwarded-proto': 'https' });
    expect(opened.headers.get('set-cookie')).toMatch(/^unstuck=/);
  });

  test('the database has only a hash of its secret, and nothing by which to guess at the token of the environment', async () => {
    const { handler, query } = await guarded();
    const secret = cookieOf(await logIn(handler({ token: ROOT }), ROOT)).cookie.split('=')[1] ?? '';
    const [row] = await query<{ digest: Buffer; proof: Buffer }>('select * from unstuck.sessions');
    expect(row?.digest).toEqual(createHash('sha256').update(secret).digest());
    expect(row?.proof).not.toEqual(createHash('sha256').update(ROOT).digest());
  });

  test('ends with a logout, in this process at once', async () => {
    const { handler } = await guarded();
    const ask = handler({ token: ROOT });
    const cookie = cookieOf(await logIn(ask, ROOT));
    expect(await ask('/v1/me', { headers: cookie })).toMatchObject({ status: 200 });
    const left = await ask('/v1/session', { method: 'DELETE', headers: { ...cookie, ...SAME } });
    expect(left.status).toBe(204);
    expect(left.headers.get('set-cookie')).toMatch(/^unstuck=; Path=\/; Max-Age=0;/);
    for (const each of [ask, handler({ token: ROOT })])
      expect(await each('/v1/me', { headers: cookie })).toMatchObject({ status: 401 });
    expect((await ask('/v1/session', { method: 'DELETE' })).status).toBe(204);
  });

  test('a new login has a new secret, and ends the old session', async () => {
    const { handler, query } = await guarded();
    const ask = handler({ token: ROOT });
    const first = cookieOf(await logIn(ask, ROOT));
    const second = cookieOf(await logIn(ask, ROOT, first));
    expect(second).not.toEqual(first);
    expect(await ask('/v1/me', { headers: first })).toMatchObject({ status: 401 });
    expect(await ask('/v1/me', { headers: second })).toMatchObject({ status: 200 });
    expect(await query('select from unstuck.sessions')).toHaveLength(1);
  });

  test('ends with its token', async () => {
    const { handler, token, unstuck } = await guarded();
    const ask = handler({ token: ROOT });
    const cookie = cookieOf(await logIn(ask, await token('admin')));
    const [{ id } = { id: '' }] = (await unstuck.tokens.list()).tokens;
    await ask(`/v1/tokens/${id}`, { method: 'DELETE', headers: bearer(ROOT) });
    expect(await ask('/v1/me', { headers: cookie })).toMatchObject({ status: 401 });
  });

  test('ends when the token of the environment is another', async () => {
    const { handler } = await guarded();
    const cookie = cookieOf(await logIn(handler({ token: ROOT }), ROOT));
    const statusWith = async (token: string): Promise<number> =>
      (await handler({ token })('/v1/me', { headers: cookie })).status;
    expect(await statusWith(ROOT)).toBe(200);
    expect(await statusWith('another-horse-battery')).toBe(401);
  });

  test('ends after an hour without requests, and after twelve hours with them; its row goes with the next login', async () => {
    const { handler, moveClock, query } = await guarded();
    const cookie = cookieOf(await logIn(handler({ token: ROOT }), ROOT));
    const idle = cookieOf(await logIn(handler({ token: ROOT }), ROOT));
    const statusOf = async (headers: { cookie: string }): Promise<number> =>
      (await handler({ token: ROOT })('/v1/me', { headers })).status;
    for (let minutes = 50; minutes < 720; minutes += 50) {
      await moveClock(`${minutes} minutes`);
      expect(await statusOf(cookie), `${minutes} minutes`).toBe(200);
    }
    expect(await statusOf(idle)).toBe(401);
    await moveClock('721 minutes');
    expect(await statusOf(cookie)).toBe(401);
    await logIn(handler({ token: ROOT }), ROOT);
    expect(await query('select from unstuck.sessions')).toHaveLength(1);
  });

  test('a cookie that is none opens nothing, and keeps nobody out of an open server', async () => {
    const { handler } = await guarded();
    for (const cookie of [
      'unstuck=',
      'unstuck=x',
      `unstuck=${'x'.repeat(43)}`,
      'unstuck',
      ';;=;',
    ]) {
      expect(await handler({ token: ROOT })('/v1/me', { headers: { cookie } })).toMatchObject({
        status: 401,
      });
      expect((await handler()('/v1/me', { headers: { cookie } })).body).toMatchObject({
        via: 'host',
      });
    }
  });
});

describe('a login', () => {
  test('with a wrong token is refused, five times in a minute for one address, then for a while altogether', async () => {
    const { handler, query } = await guarded();
    const ask = handler({ token: ROOT });
    const [bad, other] = [{ address: '192.0.2.7' }, { address: '192.0.2.8' }];
    const login = (token: string, peer: { address: string }): Promise<Answer> =>
      ask('/v1/session', { json: { token }, headers: SAME, peer });
    for (let tries = 0; tries < 5; tries += 1)
      expect(await login(`wrong-${tries}`, bad)).toMatchObject({
        status: 401,
        body: { code: 'UNAUTHENTICATED' },
      });
    const limited = await login(ROOT, bad);
    expect(limited).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(5);
    expect(limited.headers.get('ratelimit-policy')).toBe('"requests";q=5;w=60');
    expect(await login(ROOT, other)).toMatchObject({ status: 200 });
    expect(await query('select from unstuck.sessions')).toHaveLength(1);
  });

  test('that succeeds costs nothing', async () => {
    const { handler } = await guarded();
    const ask = handler({ token: ROOT });
    for (let times = 0; times < 8; times += 1)
      expect(
        await ask('/v1/session', { json: { token: ROOT }, peer: { address: '192.0.2.7' } }),
      ).toMatchObject({ status: 200 });
  });

  test('of a page elsewhere is refused: nobody is logged in as somebody else', async () => {
    const { handler } = await guarded();
    const refused = await handler({ token: ROOT })('/v1/session', {
      json: { token: ROOT },
      headers: { origin: 'https://evil.example' },
    });
    expect(refused).toMatchObject({ status: 403, body: { code: 'ORIGIN_REFUSED' } });
    expect(refused.headers.get('set-cookie')).toBeNull();
  });
});
