// The laws of the client: what it sends, what it answers, and what becomes of errors.
import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { RemoteError } from '../../../src/domain/errors.ts';
import { TABLE } from '../../../src/http/client/generated/table.ts';
import { createClient, createHandler, serve } from '../../../src/http/index.ts';
import { ROUTES } from '../../../src/http/routes.ts';
import { setup } from '../../support/unstuck.ts';
import { scriptedServer } from '../support/scripted-server.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';
const TOKEN = 'a-token-of-sixteen-and-more';

const problem = (code: string, status: number, more: object = {}): object => ({
  status,
  json: { code, status, detail: 'Expected this, got that.', hint: 'Do this.', ...more },
});

test('every operation of the document but streams is a method', () => {
  const streams = ROUTES.filter(({ answers }) =>
    Object.values(answers).some(({ media }) => media === 'text/event-stream'),
  ).map(({ id }) => id);
  const operations = ROUTES.map(({ id }) => id).filter((id) => !streams.includes(id));
  expect(Object.keys(TABLE).toSorted()).toEqual(operations.toSorted());
});

test('every operation is asked with its own method at its own path, and only GET and DELETE with a query', async () => {
  for (const [name, { method, path }] of Object.entries(TABLE)) {
    const asked: { url: string; init: RequestInit }[] = [];
    const client = createClient('http://a.example/below', undefined, {
      fetch: async (url, init) => {
        asked.push({ url, init });
        return Response.json({});
      },
    });
    const holes = [...path.matchAll(/\{(\w+)\}/g)].map(([, hole]) => hole as string);
    const fields = Object.fromEntries([
      ...holes.map((hole) => [hole, `x/${hole}`]),
      ['more', [1, 2]],
    ]);
    await (client as unknown as Record<string, (given: object) => Promise<unknown>>)[name]?.(
      fields,
    );
    const inQuery = method === 'GET' || method === 'DELETE';
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, hole) => `x%2F${hole}`);
    expect(asked[0]?.url).toBe(`http://a.example/below${filled}${inQuery ? '?more=1&more=2' : ''}`);
    expect(asked[0]?.init.method).toBe(method);
    expect(asked[0]?.init.body).toBe(inQuery ? undefined : '{"more":[1,2]}');
  }
});

test('a job is enqueued, read, listed and cancelled through a server that asks for a token', async () => {
  const { unstuck } = await setup();
  const server = await serve(unstuck, { port: 0, token: TOKEN });
  onTestFinished(() => server.close());
  const client = createClient(server.url, () => Promise.resolve(TOKEN));

  const stored = await client.enqueueJob({
    type: 'mail',
    input: { toAnn: [1, null] },
    run_at: new Date('2030-01-01T00:00:00Z'),
    tags: ['a', 'b'],
  });
  expect(stored).toMatchObject({ created: true, enqueued: 'created', type: 'mail' });
  const job = await client.getJob({ id: stored.id });
  expect(job).toMatchObject({ input: { toAnn: [1, null] }, run_at: '2030-01-01T00:00:00.000Z' });
  const page = await client.listJobs({ state: ['pending', 'failed'], limit: 1, tag: 'b' });
  const { sending, ...listed } = job;
  expect(sending).toBeNull();
  expect(page).toEqual({ data: [listed], next_cursor: null });
  expect(await client.cancelJob({ id: stored.id, reason: 'no' })).toMatchObject({
    state: 'cancelled',
    reason: 'no',
  });
});

test('a handler of the same process can be asked without a server, below its prefix', async () => {
  const { unstuck } = await setup();
  const handler = createHandler(unstuck, { open: true, prefix: '/admin/queue' });
  const client = createClient('http://inside/admin/queue/', undefined, {
    fetch: (url, init) => handler(new Request(url, init)),
  });
  expect(client.url).toBe('http://inside/admin/queue');
  expect(await client.listJobs()).toEqual({ data: [], next_cursor: null });
});

test('a problem becomes an error with the code, the text, the facts and the issues of the server', async () => {
  const { unstuck } = await setup();
  const handler = createHandler(unstuck, { open: true });
  const client = createClient('http://inside', undefined, {
    fetch: (url, init) => handler(new Request(url, init)),
  });
  const missing = await client.getJob({ id: NOBODY }).catch((error: unknown) => error);
  expect(missing).toBeInstanceOf(RemoteError);
  expect(missing).toMatchObject({
    code: 'JOB_NOT_FOUND',
    status: 404,
    message: `There is no job ${NOBODY}. It never existed, or its retention has ended.`,
    detail: { id: NOBODY },
  });
  const wrong = await client.listJobs({ limit: 0 }).catch((error: unknown) => error);
  expect(wrong).toMatchObject({ code: 'REQUEST_INVALID', status: 422 });
  expect((wrong as RemoteError).detail['issues']).toEqual([expect.stringMatching(/^\/limit: /)]);
  expect((wrong as RemoteError).requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test('a code that this version does not know is told as it came', async () => {
  const { url } = await scriptedServer(problem('FROM_THE_FUTURE', 418, { facts: { a_b: 1 } }));
  const error = await createClient(url)
    .listJobs()
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: 'FROM_THE_FUTURE',
    status: 418,
    hint: 'Do this.',
    detail: { a_b: 1 },
  });
});

test.each([
  ['a page of a proxy', { status: 502, text: '<h1>Bad gateway</h1>' }],
  [
    'a page of another server',
    { status: 200, headers: { 'content-type': 'application/json' }, text: '<p>' },
  ],
  ['a problem of another kind', { status: 400, json: { error: 'no' } }],
])('%s is no answer of Unstuck: SERVER_UNREACHABLE', async (_, answer) => {
  const { url, asked } = await scriptedServer(answer);
  await expect(createClient(url).listJobs()).rejects.toMatchObject({
    code: 'SERVER_UNREACHABLE',
    status: answer.status,
  });
  expect(asked).toHaveLength(answer.status === 502 ? 4 : 1);
});

test('no error holds the token: not of a server that is gone, nor of one that refuses, nor of a token that is none', async () => {
  const { url } = await scriptedServer(problem('UNAUTHENTICATED', 401));
  const errors = await Promise.all([
    failure(createClient('http://127.0.0.1:1', TOKEN).getJob({ id: 'a' })),
    failure(createClient(url, TOKEN).getJob({ id: 'a' })),
    failure(createClient(url, () => `${TOKEN}\n`).getJob({ id: 'a' })),
  ]);
  expect(errors.map((text) => /[A-Z]+_[A-Z]+|UNAUTHENTICATED/.exec(text)?.[0])).toEqual([
    'SERVER_UNREACHABLE',
    'UNAUTHENTICATED',
    'OPTION_INVALID',
  ]);
  for (const text of errors) expect(text).not.toContain(TOKEN);
  expect(() => createClient(url, `${TOKEN}ä`)).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining(TOKEN) }),
  );
});

test.each(['ftp://a', 'a', 'http://ann:secret@a', 'http://a/?token=secret', ''])(
  'the url %j is refused, and not repeated',
  (url) => {
    expect(() => createClient(url)).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.not.stringContaining('secret'),
      }),
    );
  },
);

test.each([undefined, '', '.', '..', { id: 1 }])(
  'the path parameter %j is refused, and nothing is sent',
  async (id) => {
    const { url, asked } = await scriptedServer({});
    await expect(createClient(url).getJob({ id: id as string })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    expect(asked).toEqual([]);
  },
);

test.each([Number.NaN, 10n, new Map(), () => 1])(
  'what JSON would lose is refused, and nothing is sent: %s',
  async (input) => {
    const { url, asked } = await scriptedServer({});
    await expect(
      createClient(url).enqueueJob({ type: 'a', input: { deep: [input] } }),
    ).rejects.toMatchObject({ code: 'INPUT_UNSTORABLE' });
    expect(asked).toEqual([]);
  },
);

/** Everything that a log could show of the error of a call. */
async function failure(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'no error',
    (error: unknown) => inspect(error, { depth: 10, showHidden: true }),
  );
}
