// The laws of limits: whoever guesses is slowed down, whoever is known is not, and nothing grows without a bound.
import { describe, expect, test } from 'vitest';
import { AddressBuckets, Buckets } from '../../../src/http/access/buckets.ts';
import { addressOf } from '../../../src/http/access/connection.ts';
import { LongRequests } from '../../../src/http/access/long-requests.ts';
import { Remembered, type Verdict } from '../../../src/http/access/remembered.ts';
import { bearer, guarded, ROOT } from './support.ts';

const LIMITED = expect.objectContaining({ code: 'RATE_LIMITED' });

describe('a bucket', () => {
  test('lets so many through at once, then one for each that time gives back', () => {
    let now = 0;
    const buckets = new Buckets({ burst: 3, perSecond: 2 }, () => now);
    for (let taken = 0; taken < 3; taken += 1) buckets.take('a');
    expect(() => buckets.take('a')).toThrow(LIMITED);
    buckets.take('b');
    now = 499;
    expect(() => buckets.take('a')).toThrow(LIMITED);
    now = 500;
    buckets.take('a');
    expect(() => buckets.check('a')).toThrow(LIMITED);
    now = 1e9;
    for (let taken = 0; taken < 3; taken += 1) buckets.take('a');
    expect(() => buckets.take('a')).toThrow(LIMITED);
  });

  test('says when there will be one again', () => {
    const buckets = new Buckets({ burst: 5, perSecond: 5 / 60 }, () => 0);
    for (let taken = 0; taken < 5; taken += 1) buckets.take('a');
    const detail = { retryAfterS: 12, burst: 5, windowS: 60 };
    expect(() => buckets.take('a')).toThrow(expect.objectContaining({ detail }));
  });

  test('a flood of names is forgotten from its beginning', () => {
    const buckets = new Buckets({ burst: 1, perSecond: 1e-9 }, () => 0);
    buckets.take('first');
    for (let name = 0; name < 9_999; name += 1) buckets.take(`n${name}`);
    expect(() => buckets.take('first')).toThrow(LIMITED);
    buckets.take('one more');
    buckets.take('first');
  });

  test('one of an unknown address does not shut the others out as soon', () => {
    const buckets = new AddressBuckets({ burst: 1, perSecond: 1 }, () => 0);
    buckets.of('192.0.2.7').take();
    expect(() => buckets.of('192.0.2.7').take()).toThrow(LIMITED);
    for (let taken = 0; taken < 100; taken += 1) buckets.of(undefined).take();
    expect(() => buckets.of(undefined).take()).toThrow(LIMITED);
  });
});

describe('an address', () => {
  const request = new Request('http://x', {
    headers: { 'x-forwarded-for': '10.9.9.9, 192.0.2.7' },
  });
  test.each<[string | undefined, boolean, string | undefined]>([
    ['127.0.0.1', false, '127.0.0.1'],
    ['127.0.0.1', true, '192.0.2.7'],
    [undefined, false, undefined],
    ['::ffff:192.0.2.8', false, '192.0.2.8'],
    ['2001:db8:1:2:3:4:5:6', false, '2001:db8:1:2'],
    ['2001:db8::6', false, '2001:db8:0:0'],
    ['::1', false, '0:0:0:0'],
    ['fe80::1%eth0', false, 'fe80:0:0:0'],
  ])('of %j is counted, with a proxy %j, as %j', (address, trustProxy, counted) => {
    expect(addressOf(request, { address }, trustProxy)).toBe(counted);
  });

  test.each([
    ['192.0.2.7:50123', '192.0.2.7'],
    ['[2001:db8:1:2:3:4:5:6]:50123', '2001:db8:1:2'],
    ['[2001:db8::6]', '2001:db8:0:0'],
    ['[::ffff:192.0.2.7]:50123', '192.0.2.7'],
  ])('that a proxy gives as %s is counted as %s, whatever its port', (given, counted) => {
    const proxied = new Request('http://x', { headers: { 'x-forwarded-for': given } });
    expect(addressOf(proxied, {}, true)).toBe(counted);
  });
});

describe('what is remembered', () => {
  const good: Verdict<string> = { value: 'ann', leftMs: null };

  test('is asked once by however many at once, holds for 5 s from the question, and is then asked anew', async () => {
    let now = 0;
    let asked = 0;
    const known = new Remembered<string>(() => now);
    const ask = async (): Promise<Verdict<string>> => {
      asked += 1;
      return good;
    };
    expect(await Promise.all(Array.from({ length: 50 }, () => known.get('k', ask)))).toContain(
      'ann',
    );
    now = 4_999;
    await known.get('k', ask);
    expect(asked).toBe(1);
    now = 5_000;
    await known.get('k', ask);
    expect(asked).toBe(2);
  });

  test('holds no longer than its token', async () => {
    let now = 0;
    const known = new Remembered<string>(() => now);
    await known.get('k', async () => ({ value: 'ann', leftMs: 100 }));
    now = 100;
    expect(await known.get('k', async () => undefined)).toBeUndefined();
  });

  test('a refusal and a failure are not remembered, and whoever was refused is no longer known', async () => {
    const known = new Remembered<string>(() => 0);
    await expect(known.get('k', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await known.get('k', async () => undefined)).toBeUndefined();
    expect(await known.get('k', async () => good)).toBe('ann');
    expect(known.knows('k')).toBe(true);
    known.forgetAnswers();
    expect(known.knows('k')).toBe(true);
    expect(await known.get('k', async () => undefined)).toBeUndefined();
    expect(known.knows('k')).toBe(false);
  });

  test('a question that was under way at a revocation is not kept', async () => {
    const known = new Remembered<string>(() => 0);
    let answer: (verdict: Verdict<string>) => void = () => undefined;
    const before = known.get('k', () => new Promise((resolve) => (answer = resolve)));
    known.forgetAnswers();
    answer(good);
    await before;
    expect(await known.get('k', async () => undefined)).toBeUndefined();
  });

  test('is bounded', async () => {
    const known = new Remembered<string>(() => 0);
    for (let key = 0; key <= 1_000; key += 1) await known.get(`k${key}`, async () => good);
    expect([known.knows('k0'), known.knows('k1')]).toEqual([false, true]);
  });
});

describe('long requests', () => {
  test('of clients that went away are counted no more, also when nobody reads or cancels their answers', async () => {
    const longs = new LongRequests(2);
    const before = new AbortController();
    before.abort();
    const left: string[] = [];
    const streamOf = (name: string): Response =>
      new Response(new ReadableStream({ cancel: () => void left.push(name) }));
    await longs.run('a', async () => streamOf('before'), before.signal);
    const later = new AbortController();
    await longs.run('a', async () => streamOf('later'), later.signal);
    later.abort();
    await longs.run('a', stream);
    expect(left).toEqual(['before', 'later']);
  });

  test('are counted to the end of their answers; one name may have half of them', async () => {
    const longs = new LongRequests(4);
    const answers = [];
    for (let open = 0; open < 2; open += 1) answers.push(await longs.run('a', stream));
    await expect(longs.run('a', stream)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    for (const name of ['b', 'c']) answers.push(await longs.run(name, stream));
    await expect(longs.run('d', stream)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await answers[0]?.body?.cancel();
    await longs.run('d', async () => 'no stream');
    expect(await (await longs.run('a', async () => new Response('text'))).text()).toBe('text');
    await expect(longs.run('d', () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    answers.push(await longs.run('d', stream));
    await expect(longs.run('e', stream)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  test('a stream that breaks has ended', async () => {
    const longs = new LongRequests(2);
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('gone')),
    });
    const answer = await longs.run('a', async () => new Response(broken));
    await expect(answer.text()).rejects.toThrow('gone');
    await longs.run('a', stream);
  });
});

describe('requests', () => {
  test('wrong tokens of one address are limited, while those that were good go on, and other addresses', async () => {
    const { handler, token } = await guarded();
    const ask = handler({ token: ROOT });
    const peer = { address: '192.0.2.7' };
    const good = await token('read');
    expect((await ask('/v1/me', { headers: bearer(good), peer })).status).toBe(200);
    const answers: number[] = [];
    for (let tries = 0; tries < 70; tries += 1)
      answers.push((await ask('/v1/me', { headers: bearer(`wrong-${tries}`), peer })).status);
    expect(answers.slice(0, 60)).toEqual(Array<number>(60).fill(401));
    expect(answers.at(-1)).toBe(429);
    expect((await ask('/v1/me', { headers: bearer(good), peer })).status).toBe(200);
    expect((await ask('/v1/me', { headers: bearer(ROOT), peer })).status).toBe(429);
    expect((await ask('/v1/me', { headers: bearer(ROOT) })).status).toBe(200);
  });

  test('of one name are limited when that is asked for', async () => {
    const { handler, token } = await guarded();
    const ask = handler({ token: ROOT, requestsPerSecond: 1 });
    const good = bearer(await token('read'));
    const answers = [];
    for (let tries = 0; tries < 40; tries += 1)
      answers.push(await ask('/v1/me', { headers: good }));
    expect(answers.slice(0, 2).map(({ status }) => status)).toEqual([200, 200]);
    const limited = answers.find(({ status }) => status === 429);
    expect(limited?.body).toMatchObject({ code: 'RATE_LIMITED', facts: { burst: 2, window_s: 2 } });
    expect(limited?.headers.get('retry-after')).toBe('1');
    expect(limited?.headers.get('ratelimit')).toBe('"requests";r=0;t=1');
    expect((await ask('/v1/me', { headers: bearer(ROOT) })).status).toBe(200);
  });

  test('a token in use asks the database once, not for each request', async () => {
    const { handler, token, query } = await guarded();
    const ask = handler({ token: ROOT });
    const good = bearer(await token('read'));
    expect((await ask('/v1/me', { headers: good })).status).toBe(200);
    await query('alter table unstuck.tokens rename to hidden');
    for (let times = 0; times < 20; times += 1)
      expect((await ask('/v1/me', { headers: good })).status).toBe(200);
  });

  test('an address of more than 8 KiB is refused', async () => {
    const { handler } = await guarded();
    const long = await handler()(`/v1/jobs?type=${'x'.repeat(8_192)}`);
    expect(long).toMatchObject({ status: 414, body: { code: 'URL_TOO_LONG' } });
    expect(await handler()(`/v1/${'x'.repeat(9_000)}`)).toMatchObject({ status: 414 });
  });

  const deep = 500_000;
  test.each<[string, string]>([
    ['lists', `{"type":"free","input":${'['.repeat(deep)}${']'.repeat(deep)}}`],
    ['objects', `{"type":"free","input":${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}}`],
    ['lists that never end', '['.repeat(1_000_000)],
    ['lists where a text belongs', `{"type":${'['.repeat(deep)}${']'.repeat(deep)},"input":1}`],
    ['tags', `{"type":"free","input":1,"tags":${'['.repeat(deep)}${']'.repeat(deep)}}`],
    ['an unknown field', `{"type":"free","input":1,"x":${'['.repeat(deep)}${']'.repeat(deep)}}`],
    ['lists with quotes in between', `["\\"]",${'['.repeat(deep)}${']'.repeat(deep)}]`],
  ])('%s nested a hundred thousand deep are refused, and the server lives', async (_what, text) => {
    await refusesDeep(text);
    await refusesDeep(text, { 'idempotency-key': 'k' });
  });

  test('what is too deep to be compared by its idempotency key is refused, not failed', async () => {
    for (const levels of [2_000, 4_000, 10_000])
      await refusesDeep(`{"type":"free","input":${'['.repeat(levels)}${']'.repeat(levels)}}`, {
        'idempotency-key': 'k',
      });
  });
});

async function refusesDeep(body: string, headers: Record<string, string> = {}): Promise<void> {
  const { unstuck, handler } = await guarded();
  const { createHandler } = await import('../../../src/http/index.ts');
  const answer = await createHandler(unstuck)(
    new Request('http://localhost/v1/jobs', {
      method: 'POST',
      headers: { host: 'localhost', 'content-type': 'application/json', ...headers },
      body,
    }),
  );
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status, await answer.text()).toBeLessThan(500);
  expect((await handler()('/v1/jobs')).body).toMatchObject({ data: [] });
}

async function stream(): Promise<Response> {
  return new Response(new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) }));
}

test('a refusal does not send back what was sent, however much that was', async () => {
  const { handler } = await guarded();
  const json = { type: 'a', input: 1, ['k'.repeat(500_000)]: 1 };
  const refused = await handler()('/v1/jobs', { json });
  expect(refused).toMatchObject({ status: 422, body: { code: 'REQUEST_INVALID' } });
  expect(JSON.stringify(refused.body).length).toBeLessThan(3_000);
});
