// Who may call what: every operation of the document, asked by everybody who could ask.
import { expect, test } from 'vitest';
import { allows, SCOPES, type Scope } from '../../src/domain/scopes.ts';
import { OPERATIONS, type Operation } from './support/operations.ts';
import { ROOT, type World, world } from './support/world.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';
const GUARDED = OPERATIONS.filter(({ scope }) => scope !== undefined);
const UNSAFE = GUARDED.filter(({ method }) => method !== 'GET');
const FOREIGN = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
const OURS = { 'sec-fetch-site': 'same-origin' };

test('the document has routes of every scope, and none is open that changes anything but a session', () => {
  const scopes = new Set(GUARDED.map(({ scope }) => scope));
  expect(scopes).toEqual(new Set(['any', ...SCOPES]));
  const open = OPERATIONS.filter(({ scope, method }) => scope === undefined && method !== 'GET');
  expect(open.map(({ id }) => id).toSorted()).toEqual(['logIn', 'logOut']);
});

test.each<
  [who: string, headers: (all: World) => Record<string, string> | Promise<Record<string, string>>]
>([
  ['nobody', () => ({})],
  ['a wrong token', () => bearer('wrong-token-of-the-tests')],
  ['a token that is none', () => bearer('é')],
  ['another scheme', () => ({ authorization: 'Basic cm9vdDpyb290' })],
  ['an expired token', expired],
  ['a revoked token', revoked],
  ['a cookie that nobody was given', () => ({ cookie: 'unstuck=x', ...OURS })],
  ['a token in a query', () => ({ referer: `http://localhost/?token=${ROOT}` })],
])('%s is refused everywhere, and nothing is changed', async (who, headersOf) => {
  const all = await world();
  const headers = await headersOf(all);
  const before = await all.digest();
  for (const operation of GUARDED)
    expect(await ask(all, operation, headers), named(who, operation)).toBe(401);
  expect(await all.digest()).toBe(before);
});

test.each(SCOPES)(
  'a token of the scope %s may do what asks for it, and nothing else',
  async (scope) => {
    const all = await world();
    const headers = bearer(await tokenOf(all, scope));
    const refused = GUARDED.filter((one) => !mayCall(scope, one));
    const before = await all.digest();
    for (const operation of refused)
      expect(await ask(all, operation, headers), named(scope, operation)).toBe(403);
    expect(await all.digest()).toBe(before);
    for (const operation of GUARDED.filter((one) => mayCall(scope, one)))
      expect([401, 403, 500], named(scope, operation)).not.toContain(
        await ask(all, operation, headers),
      );
  },
);

test('the secret of an attempt opens the callbacks of its job, and nothing else', async () => {
  const all = await world();
  await all.query(
    `insert into unstuck.dispatches (job_id, token, target, digest, state, sent_at, closed_at) values ($1, 1, 'assembler', sha256('callback_x'), 'closed', now(), now())`,
    [NOBODY],
  );
  const before = await all.digest();
  for (const operation of GUARDED) {
    const status = await ask(all, operation, bearer('callback_x'));
    if (operation.route.callback === true)
      expect([401, 403, 500], named('a callback', operation)).not.toContain(status);
    else expect(status, named('a callback', operation)).toBe(401);
  }
  expect(GUARDED.filter(({ route }) => route.callback === true).map(({ id }) => id)).toEqual([
    'heartbeatClaim',
    'reportProgress',
    'completeClaim',
    'failClaim',
    'releaseClaim',
  ]);
  expect(await all.digest()).toBe(before);
});

test('whoever has logged in may do what their token may, from pages of this server only', async () => {
  const all = await world();
  for (const scope of ['read', 'admin'] as const) {
    const cookie = await logIn(all, await tokenOf(all, scope));
    for (const operation of GUARDED) {
      const status = await ask(all, operation, { cookie, ...OURS });
      if (mayCall(scope, operation))
        expect([401, 403], named(scope, operation)).not.toContain(status);
      else expect(status, named(scope, operation)).toBe(403);
    }
  }
  const cookie = await logIn(all, await tokenOf(all, 'admin'));
  const before = await all.digest();
  for (const operation of UNSAFE) {
    expect(
      await ask(all, operation, { cookie, ...FOREIGN }),
      named('a page elsewhere', operation),
    ).toBe(403);
    expect(await ask(all, operation, { cookie }), named('a cookie alone', operation)).toBe(403);
  }
  expect(await all.digest()).toBe(before);
});

test('a page elsewhere changes nothing, also where no token is asked for', async () => {
  for (const options of [{ token: undefined }, { token: undefined, open: true }, {}]) {
    const all = await world(options);
    const before = await all.digest();
    for (const operation of UNSAFE) {
      const headers = { ...FOREIGN, ...('token' in options ? {} : bearer(ROOT)) };
      expect(await ask(all, operation, headers), named('a page elsewhere', operation)).toBe(403);
    }
    expect(await all.digest()).toBe(before);
  }
});

test('without a token only this machine is answered, by its own name', async () => {
  const all = await world({ token: undefined });
  const before = await all.digest();
  for (const operation of GUARDED) {
    expect(
      await ask(all, operation, { host: 'evil.example' }),
      named('another host', operation),
    ).toBe(403);
    expect(await ask(all, operation, {}, '10.0.0.5'), named('another address', operation)).toBe(
      403,
    );
  }
  expect(await all.digest()).toBe(before);
});

/** Whether a scope opens an operation; reading `/v1/me` any does. */
function mayCall(scope: Scope, { scope: wanted }: Operation): boolean {
  return wanted === 'any' || allows([scope], wanted as Scope);
}

let asked = 0;

/** Asks with a request that may be wrong in every other way: who may not is told so first. Each comes from an address of its own. */
async function ask(
  { handle }: World,
  { method, path, body }: Operation,
  headers: Record<string, string>,
  address = headers['host'] === undefined && !('authorization' in headers) && !('cookie' in headers)
    ? '127.0.0.1'
    : nextAddress(),
): Promise<number> {
  const stop = new AbortController();
  const request = new Request(`http://localhost${path.replaceAll(/\{\w+\}/g, NOBODY)}`, {
    method,
    headers: { ...(method === 'GET' ? {} : { 'content-type': 'application/json' }), ...headers },
    signal: stop.signal,
    ...(body === undefined ? {} : { body: '{"nonsense":true}' }),
  });
  const response = await handle(request, { address });
  await response.body?.cancel();
  stop.abort();
  return response.status;
}

function nextAddress(): string {
  asked += 1;
  return `10.${asked >> 16}.${(asked >> 8) & 255}.${asked & 255}`;
}

async function tokenOf({ unstuck }: World, scope: Scope): Promise<string> {
  return (await unstuck.tokens.create({ name: `of-${scope}`, scopes: [scope] })).token;
}

async function expired(all: World): Promise<Record<string, string>> {
  const token = await tokenOf(all, 'admin');
  await all.query(
    `update unstuck.tokens set created_at = created_at - interval '1 day', expires_at = now() - interval '1 hour'`,
  );
  return bearer(token);
}

async function revoked(all: World): Promise<Record<string, string>> {
  const { token, id } = await all.unstuck.tokens.create({ name: 'gone', scopes: ['admin'] });
  await all.unstuck.tokens.revoke(id);
  return bearer(token);
}

async function logIn({ handle }: World, token: string): Promise<string> {
  const response = await handle(
    new Request('http://localhost/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...OURS },
      body: JSON.stringify({ token }),
    }),
    { address: nextAddress() },
  );
  expect(response.status).toBe(200);
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function named(who: string, { method, path, scope }: Operation): string {
  return `${who}: ${method} ${path} (${scope})`;
}
