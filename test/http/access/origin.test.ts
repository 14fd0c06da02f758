// The laws of origins: no page elsewhere makes a browser change anything here, with a cookie or without.
import { describe, expect, test } from 'vitest';
import { type Ask, bearer, guarded, ROOT } from './support.ts';

const JOB = { type: 'free', input: {} };
const AT = 'http://jobs.example:8790';

type Headers = Record<string, string>;

describe('a change', () => {
  const cases: readonly (readonly [
    what: string,
    headers: Headers,
    bare: number,
    cookie: number,
  ])[] = [
    ['of a program, with neither header', {}, 201, 403],
    ['of the same origin', { 'sec-fetch-site': 'same-origin', origin: AT }, 201, 201],
    ['that a person typed', { 'sec-fetch-site': 'none' }, 201, 201],
    ['of a page of this host over plain HTTP', { origin: AT }, 201, 201],
    ['of another port', { origin: 'http://jobs.example:9999' }, 403, 403],
    [
      'of another site',
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      403,
      403,
    ],
    ['of a neighbour', { 'sec-fetch-site': 'same-site', origin: 'http://wiki.example' }, 403, 403],
    ['of another site that hides its name', { 'sec-fetch-site': 'cross-site' }, 403, 403],
    ['of a sandbox', { origin: 'null' }, 403, 403],
    ['of a file', { origin: 'file://' }, 403, 403],
    [
      'of a name that begins like ours',
      { origin: 'http://jobs.example:8790.evil.example' },
      403,
      403,
    ],
    [
      'of an origin that is trusted',
      { 'sec-fetch-site': 'cross-site', origin: 'https://ops.example' },
      201,
      201,
    ],
    ['of one that only looks trusted', { origin: 'https://ops.example.evil.example' }, 403, 403],
  ];

  test.each(cases)('%s', async (_what, headers, bare, withCookie) => {
    const { handler, unstuck } = await guarded();
    const ask = handler({ token: ROOT, origins: ['https://ops.example'] });
    const cookie = await session(ask);
    const sent = await ask('/v1/jobs', {
      at: AT,
      json: JOB,
      headers: { ...bearer(ROOT), ...headers },
    });
    expect(sent.status).toBe(bare);
    if (bare === 403) expect(sent.body).toMatchObject({ code: 'ORIGIN_REFUSED' });
    expect(sent.headers.get('vary')).toContain('Origin');
    const stored = (await unstuck.list()).jobs.length;
    expect(stored).toBe(bare === 201 ? 1 : 0);
    const clicked = await ask('/v1/jobs', { at: AT, json: JOB, headers: { ...headers, cookie } });
    expect(clicked.status).toBe(withCookie);
    expect((await unstuck.list()).jobs).toHaveLength(stored + (withCookie === 201 ? 1 : 0));
  });

  test('of another page is refused where no token is needed', async () => {
    const { handler, unstuck } = await guarded();
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
      expect(await handler()('/v1/jobs', { json: JOB, headers })).toMatchObject({
        status: 403,
        body: { code: 'ORIGIN_REFUSED' },
      });
    expect((await unstuck.list()).jobs).toEqual([]);
  });

  test('of another page is refused where the application knows its callers by cookies of its own', async () => {
    const { handler } = await guarded();
    for (const options of [
      { open: true },
      { authenticate: () => ({ name: 'a', scopes: ['admin'] as const }) },
    ]) {
      const ask = handler(options);
      const own = { cookie: 'sid=1' };
      expect(
        (await ask('/v1/jobs', { json: JOB, headers: { ...own, origin: 'https://evil.example' } }))
          .status,
      ).toBe(403);
      expect((await ask('/v1/jobs', { json: JOB, headers: own })).status).toBe(403);
      expect(
        (await ask('/v1/jobs', { json: JOB, headers: { ...own, 'sec-fetch-site': 'same-origin' } }))
          .status,
      ).toBe(201);
      expect((await ask('/v1/jobs', { json: JOB })).status).toBe(201);
    }
  });

  test('behind a proxy that is trusted the host is the one that the browser asked', async () => {
    const { handler } = await guarded();
    const headers = {
      ...bearer(ROOT),
      origin: 'https://queue.example',
      'x-forwarded-host': 'queue.example',
      'x-forwarded-proto': 'https',
    };
    const statusWith = async (trustProxy: boolean): Promise<number> =>
      (await handler({ token: ROOT, trustProxy })('/v1/jobs', { json: JOB, headers })).status;
    expect(await statusWith(true)).toBe(201);
    expect(await statusWith(false)).toBe(403);
  });
});

test('reading is no change, and what is read is given to no page elsewhere', async () => {
  const { handler } = await guarded();
  const read = await handler({ token: ROOT })('/v1/jobs', {
    headers: { ...bearer(ROOT), origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  });
  expect(read.status).toBe(200);
  expect(read.headers.get('access-control-allow-origin')).toBeNull();
  expect(read.headers.get('cross-origin-resource-policy')).toBe('same-origin');
});

test('a page elsewhere that asks whether it may (CORS) hears no', async () => {
  const { handler } = await guarded();
  const asked = await handler()('/v1/jobs', {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  });
  expect(asked.status).toBe(405);
  expect([...asked.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

test.each(['ops.example', 'https://ops.example/', 'https://a b', '*'])(
  'the origin %j is refused as an option',
  async (origin) => {
    const { handler } = await guarded();
    expect(() => handler({ origins: [origin] })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    );
  },
);

async function session(ask: Ask): Promise<string> {
  const opened = await ask('/v1/session', { json: { token: ROOT } });
  return opened.headers.get('set-cookie')?.split(';')[0] ?? '';
}
