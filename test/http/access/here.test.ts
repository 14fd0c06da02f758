// The laws of the open door: without a token only this machine itself is let in, and every answer is guarded.
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HandlerOptions } from '../../../src/http/index.ts';
import { guarded, ROOT } from './support.ts';

describe('without a token', () => {
  test.each<[string, Record<string, string>, string | undefined]>([
    ['another machine that sends the name of this one', {}, '192.0.2.7'],
    ['another machine over IPv6', {}, '2001:db8::7'],
    ['a client of a proxy on this machine', { 'x-forwarded-for': '192.0.2.7' }, '127.0.0.1'],
    [
      'a client that adds an address of its own',
      { 'x-forwarded-for': '127.0.0.1, 192.0.2.7' },
      '127.0.0.1',
    ],
    ['a client of a proxy of RFC 7239', { forwarded: 'for=192.0.2.7' }, '127.0.0.1'],
    ['a client of nginx', { 'x-real-ip': '192.0.2.7' }, '127.0.0.1'],
    ['a public name of a proxy', { 'x-forwarded-host': 'jobs.example' }, undefined],
  ])('%s is refused', async (_what, headers, address) => {
    const { handler } = await guarded();
    const refused = await handler()('/v1/jobs', { headers, peer: { address } });
    expect(refused).toMatchObject({ status: 403, body: { code: 'HOST_REFUSED' } });
  });

  test.each<[string, Record<string, string>, string | undefined]>([
    ['this machine', {}, '127.0.0.1'],
    ['this machine over IPv6', {}, '::1'],
    ['this machine over both', {}, '::ffff:127.0.0.1'],
    [
      'a development server on this machine',
      { 'x-forwarded-for': '::1', 'x-forwarded-host': 'localhost:3000' },
      '::1',
    ],
    ['whoever a server that says nothing lets in while developing', {}, undefined],
  ])('%s is let in', async (_what, headers, address) => {
    const { handler } = await guarded();
    expect((await handler()('/v1/jobs', { headers, peer: { address } })).status).toBe(200);
  });

  test('in production nobody is let in without one, not even from this machine', async () => {
    const { handler, token } = await guarded();
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    onTestFinished(() => {
      process.env['NODE_ENV'] = before;
    });
    const ask = handler();
    for (const peer of [{}, { address: '127.0.0.1' }])
      expect(await ask('/v1/jobs', { peer })).toMatchObject({
        status: 401,
        body: { code: 'UNAUTHENTICATED', detail: expect.stringContaining('NODE_ENV') },
      });
    expect((await ask('/openapi.json')).status).toBe(200);
    expect((await handler({ open: true })('/v1/jobs')).status).toBe(200);
    const authorization = `Bearer ${await token('read')}`;
    expect((await ask('/v1/jobs', { headers: { authorization } })).status).toBe(200);
  });
});

test('every answer is guarded, good and bad', async () => {
  const { handler } = await guarded();
  const ask = handler({ token: ROOT });
  for (const path of ['/openapi.json', '/v1/jobs', '/v1/nothing', '/elsewhere']) {
    const { headers } = await ask(path);
    expect(Object.fromEntries(headers), path).toMatchObject({
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
      'x-request-id': expect.any(String),
    });
  }
});

describe('an application that knows its callers', () => {
  test('gives each their name and scopes; tokens and cookies of ours mean nothing there', async () => {
    const { handler, token } = await guarded();
    const ask = handler({
      authenticate: async (request) =>
        request.headers.get('x-user') === 'ann'
          ? { name: 'ann', scopes: ['read', 'enqueue'] }
          : undefined,
    });
    const ann = { 'x-user': 'ann' };
    expect((await ask('/v1/me', { headers: ann })).body).toMatchObject({
      name: 'ann',
      via: 'open',
    });
    expect((await ask('/v1/jobs', { headers: ann })).status).toBe(200);
    expect((await ask('/v1/tokens', { headers: ann })).status).toBe(403);
    const authorization = `Bearer ${await token('admin')}`;
    expect(await ask('/v1/tokens', { headers: { authorization } })).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED' },
    });
    expect(await ask('/v1/session', { json: { token: await token('admin', 'b') } })).toMatchObject({
      status: 404,
    });
  });

  test('what it throws is told to nobody, and lets nobody in', async () => {
    const { handler, lines } = await guarded();
    const ask = handler({
      authenticate: () => {
        throw new Error('the password of the directory is x');
      },
    });
    const failed = await ask('/v1/jobs');
    expect(failed).toMatchObject({ status: 500, body: { code: 'INTERNAL_ERROR' } });
    expect(JSON.stringify(failed.body)).not.toContain('password');
    expect(lines.some(({ event }) => event === 'request_failed')).toBe(true);
  });

  test.each<[string, HandlerOptions['authenticate'], number]>([
    ['null, as a session that is not found,', () => null as never, 401],
    ['an object that names nobody', () => ({}) as never, 500],
    ['a rejection with a text', () => Promise.reject('the directory is away'), 500],
    ['a rejection without a reason', () => Promise.reject(undefined), 500],
  ])('%s lets nobody in, and is answered', async (_what, authenticate, status) => {
    const { handler } = await guarded();
    const answer = await handler({ authenticate })('/v1/jobs');
    expect(answer).toMatchObject({ status, body: { code: expect.any(String) } });
    expect(JSON.stringify(answer.body)).not.toContain('directory');
  });
});
