// The laws of the HTTP handler: what is stored and shown, what is refused and how, and who may ask.
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { createHandler, type Handler, type HandlerOptions } from '../../src/http/index.ts';
import { apiViewOf, Unstuck } from '../../src/unstuck.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const hello = defineJob({
  type: 'hello',
  input: z.strictObject({ name: z.string() }),
  run: ({ input }) => `hi ${input.name}`,
});

let database: FreshDatabase;
let unstuck: Unstuck;

beforeEach(async () => {
  database = await freshDatabase();
  unstuck = await Unstuck.connect({ database: database.url, logLevel: 'silent' });
  return async () => {
    await unstuck.close();
    await database.drop();
  };
});

/** Whatever of it an answer has. */
interface Body {
  readonly id: string;
  readonly input: unknown;
  readonly detail: string;
  readonly created: boolean;
  readonly enqueued: string;
  readonly notice?: unknown;
  readonly errors: readonly object[];
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

function handler(options: HandlerOptions = {}): Handler {
  return createHandler(unstuck, { jobs: [hello], ...options });
}

async function ask(handle: Handler, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await handle(new Request(`http://localhost${path}`, init));
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  };
}

function post(
  handle: Handler,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return ask(handle, '/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
}

describe('jobs', () => {
  test('a new job is answered with 201, where it is, and itself in snake_case', async () => {
    const handle = handler();
    const { status, headers, body } = await post(handle, {
      type: 'hello',
      input: { name: 'x' },
      priority: 3,
      key: 'k',
      tags: ['a'],
      hold: true,
      claim_within: '1h',
      finish_by: '2030-01-01T00:00:00+01:00',
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/jobs/${body.id}`);
    expect(body).toMatchObject({
      created: true,
      enqueued: 'created',
      state: 'pending',
      waits_for: 'hold',
      priority: 3,
      tags: ['a'],
      token: '0',
      input: { name: 'x' },
      finish_by: '2029-12-31T23:00:00.000Z',
      created_at: expect.stringMatching(TIME),
    });
    const shown = await ask(handle, `/v1/jobs/${body.id}`);
    expect(shown.status).toBe(200);
    const { created: _created, enqueued: _enqueued, notice, ...job } = body;
    expect(notice).toBeNull();
    expect(shown.body).toEqual({ ...job, sending: null });
  });

  test('names inside payloads are left alone', async () => {
    const input = { someThing: { innerThing: 1 }, a_b: [{ cD: 2 }] };
    const { body } = await post(handler(), { type: 'free', input });
    expect(body.input).toEqual(input);
  });

  test('a key that is live is answered with 200 and the job that has it', async () => {
    const handle = handler();
    const job = { type: 'hello', input: { name: 'x' }, key: 'one' };
    const [first, second] = [await post(handle, job), await post(handle, job)];
    expect(second).toMatchObject({
      status: 200,
      body: { id: first.body.id, created: false, enqueued: 'key-live' },
    });
  });

  test('S0.8: a pool that is full is 409, or the job waits, as the client chose', async () => {
    const handle = handler();
    await unstuck.pools.set('p', { capacity: 1 });
    const job = { type: 'free', input: 1, slot: 'p' };
    expect(await post(handle, job)).toMatchObject({ status: 201, body: { pool: 'p' } });
    expect(await post(handle, job)).toMatchObject({
      status: 409,
      body: { code: 'SLOTS_EXHAUSTED' },
    });
    expect(await post(handle, { ...job, when_full: 'wait' })).toMatchObject({
      status: 201,
      body: { state: 'pending', waits_for: 'slot' },
    });
  });

  test('a job that is stored and cannot be read back is answered with 201 and its id, so that nobody sends it again', async () => {
    apiViewOf(unstuck).get = () =>
      Promise.reject(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    const { status, headers, body } = await post(handler(), { type: 'free', input: 1 });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(String),
      created: true,
      enqueued: 'created',
      notice: null,
    });
    expect(headers.get('location')).toBe(`/v1/jobs/${body.id}`);
    expect((await unstuck.list()).jobs).toMatchObject([{ id: body.id }]);
  });

  test('run_at and delay are kept', async () => {
    const handle = handler();
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const timed = await post(handle, { type: 'free', input: null, run_at: at });
    expect(timed.body).toMatchObject({ state: 'pending', waits_for: 'time', run_at: at });
    const delayed = await post(handle, { type: 'free', input: [], delay: '10m' });
    expect(delayed.body).toMatchObject({ state: 'pending', waits_for: 'time' });
  });
});

describe('a problem', () => {
  test('says what, which code, and what to do', async () => {
    const { status, headers, body } = await ask(handler(), `/v1/jobs/${NOBODY}`);
    expect(status).toBe(404);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toEqual({
      type: 'urn:unstuck:error:JOB_NOT_FOUND',
      title: expect.any(String),
      status: 404,
      detail: expect.stringContaining(NOBODY),
      instance: `/v1/jobs/${NOBODY}`,
      code: 'JOB_NOT_FOUND',
      hint: expect.any(String),
      request_id: expect.any(String),
      facts: { id: NOBODY },
    });
  });

  const good = { type: 'hello', input: { name: 'x' } };
  test.each<[string, unknown, number, string]>([
    ['no JSON', '{', 422, 'REQUEST_INVALID'],
    ['a list', [], 422, 'REQUEST_INVALID'],
    ['no type', { input: {} }, 422, 'REQUEST_INVALID'],
    ['an unknown field', { ...good, prioritty: 1 }, 422, 'REQUEST_INVALID'],
    ['camelCase', { ...good, runAt: '2030-01-01T00:00:00Z' }, 422, 'REQUEST_INVALID'],
    [
      'a time without an offset',
      { ...good, run_at: '2030-01-01T00:00:00' },
      422,
      'REQUEST_INVALID',
    ],
    [
      'a day that does not exist',
      { ...good, run_at: '2030-02-30T00:00:00Z' },
      422,
      'REQUEST_INVALID',
    ],
    ['bytes that are no UTF-8', new Uint8Array([34, 0xff, 34]), 422, 'REQUEST_INVALID'],
    ['an input that does not fit', { type: 'hello', input: { nam: 1 } }, 422, 'INPUT_INVALID'],
    ['no input', { type: 'free' }, 422, 'REQUEST_INVALID'],
    ['NUL', { type: 'free', input: '\0' }, 422, 'INPUT_UNSTORABLE'],
    ['a lone surrogate', '{"type":"free","input":"\\ud800"}', 422, 'INPUT_UNSTORABLE'],
    [
      'a number JSON cannot keep',
      '{"type":"free","input":9007199254740993}',
      422,
      'INPUT_UNSTORABLE',
    ],
    ['a bad type', { type: 'a b', input: {} }, 422, 'JOB_TYPE_INVALID'],
    ['a bad priority', { ...good, priority: 1e6 }, 422, 'PRIORITY_INVALID'],
    ['a bad delay', { ...good, delay: 'soon' }, 422, 'TIME_INVALID'],
    ['both times', { ...good, delay: 1, run_at: '2027-01-01T00:00:00Z' }, 422, 'TIME_INVALID'],
    ['an empty key', { ...good, key: '' }, 422, 'KEY_INVALID'],
    [
      'an input that is too large',
      { type: 'free', input: 'x'.repeat(1_050_000) },
      413,
      'INPUT_TOO_LARGE',
    ],
    [
      'a body that is too large',
      { type: 'free', input: 'x'.repeat(1_200_000) },
      413,
      'REQUEST_TOO_LARGE',
    ],
  ])('%s is refused, and nothing is stored', async (_what, body, status, code) => {
    expect(await post(handler(), body)).toMatchObject({ status, body: { status, code } });
    expect((await unstuck.list()).jobs).toEqual([]);
  });

  test('a body that does not say that it is JSON is refused: a page elsewhere cannot send it', async () => {
    const sent = await post(handler(), good, { 'content-type': 'text/plain' });
    expect(sent).toMatchObject({ status: 415, body: { code: 'MEDIA_TYPE_UNSUPPORTED' } });
  });

  test('an unknown path, method or id is told', async () => {
    const handle = handler();
    expect(await ask(handle, '/v1/nothing')).toMatchObject({ body: { code: 'ROUTE_NOT_FOUND' } });
    const method = await ask(handle, '/v1/jobs', { method: 'DELETE' });
    expect(method).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
    expect(method.headers.get('allow')).toBe('POST, GET');
    expect(await ask(handle, '/v1/jobs/7')).toMatchObject({ body: { code: 'JOB_ID_INVALID' } });
  });

  test('fields of an input are named by their pointers', async () => {
    const { body } = await post(handler(), { type: 'hello', input: { name: 7 } });
    expect(body.errors).toMatchObject([{ pointer: '/name' }]);
  });

  test('a database that is away is 503 with Retry-After, and its own words are not told', async () => {
    await database.drop();
    const { status, headers, body } = await ask(handler(), `/v1/jobs/${NOBODY}`);
    expect([500, 503]).toContain(status);
    expect(body.detail).not.toMatch(/t_[0-9a-f]{12}/);
    if (status === 503) expect(headers.get('retry-after')).toBe('2');
  });
});

describe('access', () => {
  const job = { type: 'free', input: {} };

  test.each(['evil.example', '127.0.0.1.evil.example', '10.0.0.5:8790', 'localhost.evil.example'])(
    'without a token a request to the host %s is refused',
    async (host) => {
      const sent = await post(handler(), job, { host });
      expect(sent).toMatchObject({ status: 403, body: { code: 'HOST_REFUSED' } });
    },
  );

  test.each(['localhost', 'localhost:8790', '127.0.0.1:1', '[::1]:8790'])(
    'without a token this machine may ask as %s',
    async (host) => {
      expect(await post(handler(), job, { host })).toMatchObject({ status: 201 });
    },
  );

  test('with a token everybody must send it, whatever the host', async () => {
    const handle = handler({ token: 'correct-horse-battery' });
    const refused = [{}, { authorization: 'Bearer wrong' }, { authorization: 'Basic eA==' }];
    for (const headers of refused) {
      const sent = await post(handle, job, headers);
      expect(sent).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
      expect(sent.headers.get('www-authenticate')).toBe('Bearer');
    }
    const headers = { authorization: 'Bearer correct-horse-battery', host: 'jobs.example' };
    expect(await post(handle, job, headers)).toMatchObject({ status: 201 });
  });

  test('a server that has checked itself opens it', async () => {
    const sent = await post(handler({ open: true }), job, { host: 'jobs.example' });
    expect(sent).toMatchObject({ status: 201 });
  });
});

describe('health', () => {
  test('both probes are open to every host, and tell nothing more', async () => {
    const handle = handler({ token: 'correct-horse-battery' });
    const headers = { host: 'pod-7.example' };
    for (const path of ['/livez', '/readyz'])
      expect(await ask(handle, path, { headers })).toMatchObject({ status: 200, body: 'ok\n' });
  });

  test('a process that drains is alive and not ready', async () => {
    const handle = handler({ draining: () => true });
    expect(await ask(handle, '/livez')).toMatchObject({ status: 200 });
    expect(await ask(handle, '/readyz')).toMatchObject({ status: 503, body: 'not ok\n' });
  });

  test('without its database a process is alive and not ready', async () => {
    await database.drop();
    const handle = handler();
    expect(await ask(handle, '/livez')).toMatchObject({ status: 200 });
    expect(await ask(handle, '/readyz')).toMatchObject({ status: 503 });
  });

  test('many probes at once ask the database once', async () => {
    let pings = 0;
    const ping = unstuck.ping.bind(unstuck);
    unstuck.ping = () => {
      pings += 1;
      return ping();
    };
    const handle = handler();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(handle, '/readyz')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(pings).toBe(1);
  });
});
