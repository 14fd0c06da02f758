// The remote worker by itself: a process that is spoken to over HTTP, killed and started again.
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startAssembler } from '../../../examples/episodes/assembler-process.ts';
import { assemblerSecret } from '../../../examples/episodes/assembler-target.ts';
import { eventually } from '../../support/unstuck.ts';

const TONE = { kind: 'tone', hz: 440, seconds: 0.1 };
const RECIPE = { segments: [TONE, TONE], join: { silence: 0 } };
const SLOW = { ...RECIPE, rehearse: 'slow' };

describe('what is sent', () => {
  test('is accepted, made, told, and to be had', async () => {
    const { send, ask, url } = await begin();
    const { calls, callback } = await listener();
    const id = randomUUID();
    const accepted = await send({ id, callback });
    expect(accepted).toMatchObject({ status: 202, body: { id, token: '1', status: 'accepted' } });
    const told = await eventually(() => calls.find(({ path }) => path === '/complete'), 'told');
    expect(told).toMatchObject({
      authorization: 'Bearer callback_secret',
      body: { token: '1', result: { file: `${id}.wav`, samples: 4410, seconds: 0.2 } },
    });
    expect(await ask(id)).toMatchObject({ status: 200, body: { status: 'completed' } });
    const audio = await (await fetch(`${url}/episodes/${id}.wav`)).arrayBuffer();
    expect(audio.byteLength).toBe(44 + 2 * 4410);
    expect(calls.some(({ path }) => path === '/progress')).toBe(true);
  });

  test('N3: twice under one token is one order, and told once', async () => {
    const { send } = await begin();
    const { calls, callback } = await listener();
    const id = randomUUID();
    const twice = await Promise.all([send({ id, callback }), send({ id, callback })]);
    expect(twice.map(({ status }) => status)).toEqual([202, 202]);
    await eventually(() => calls.some(({ path }) => path === '/complete'), 'told');
    expect(await send({ id, callback })).toMatchObject({
      status: 200,
      body: { status: 'completed', result: { samples: 4410 } },
    });
    // Orders are followed in turn: when one that came later has been told, nothing is left of the first.
    const later = randomUUID();
    await send({ id: later, token: '2', callback });
    const ends = (token: string): number =>
      calls.filter(({ path, body }) => path === '/complete' && tokenOf(body) === token).length;
    await eventually(() => ends('2') === 1, 'the later one is told');
    expect(ends('1')).toBe(1);
  });

  test('under a later token takes the order over; under an earlier one it gets nothing', async () => {
    const { send, ask } = await begin();
    const id = randomUUID();
    await send({ id, token: '9', input: SLOW });
    expect(await send({ id, token: '10', input: SLOW })).toMatchObject({ status: 202 });
    expect(await send({ id, token: '9', input: SLOW })).toMatchObject({ status: 409 });
    expect(await ask(id, '9')).toMatchObject({ status: 404, body: { status: 'unknown' } });
    const done = await eventually(async () => {
      const answer = await ask(id, '10');
      return answer.body['status'] === 'completed' && answer;
    }, 'completed');
    expect(done.body).toMatchObject({ token: '10' });
  });

  test.each([
    ['no JSON', { text: 'not JSON' }, 400],
    ['an id that is none', { id: '../../etc/passwd' }, 400],
    ['a token that is none', { token: '-1' }, 400],
    ['a recipe that cannot be followed', { input: { segments: [] } }, 422],
    ['a signature by another secret', { secret: `whsec_${'A'.repeat(32)}` }, 401],
    ['a signature of another request', { signedAs: 'another' }, 401],
    ['more than it takes', { input: 'x'.repeat(1_100_000) }, 413],
  ])('is refused: %s', async (_, how, status) => {
    const { send, directory } = await begin();
    expect(await send(how)).toMatchObject({ status });
    expect(await readdir(join(directory, 'orders'))).toEqual([]);
  });

  test('rehearses a crash where nobody starts it again: it fails, and the assembler lives', async () => {
    const { send, ask } = await begin();
    const id = randomUUID();
    await send({ id, input: { ...RECIPE, rehearse: 'crash' } });
    const failed = await eventually(async () => {
      const answer = await ask(id);
      return answer.body['status'] === 'failed' && answer;
    }, 'failed');
    expect(failed.body).toMatchObject({ error: { code: 'RECIPE_INVALID' } });
  });

  test('names a segment that is missing: it fails, not to be tried again', async () => {
    const { send, ask } = await begin();
    const id = randomUUID();
    const input = { ...RECIPE, segments: [{ kind: 'file', name: 'lost.wav' }] };
    await send({ id, input });
    const failed = await eventually(async () => {
      const answer = await ask(id);
      return answer.body['status'] === 'failed' && answer;
    }, 'failed');
    expect(failed.body).toMatchObject({ error: { code: 'SEGMENT_MISSING' }, retry: false });
  });
});

describe('a crash', () => {
  test('N1: in the middle of the work loses no order: the next process makes and tells it', async () => {
    const { send, assembler, directory } = await begin();
    const { calls, callback } = await listener();
    const ids = [randomUUID(), randomUUID()];
    for (const id of ids) await send({ id, input: SLOW, callback });
    await assembler.kill();
    await assembler.start();
    await eventually(
      () => calls.filter(({ path }) => path === '/complete').length === 2,
      'both are told',
    );
    const files = await readdir(join(directory, 'episodes'));
    expect(files.toSorted()).toEqual(ids.map((id) => `${id}.wav`).toSorted());
  });

  test('N2: of whoever is told is waited out: the end is told when it answers', async () => {
    const { send } = await begin();
    const { calls, callback, answer } = await listener();
    answer(503);
    await send({ id: randomUUID(), callback });
    const ends = (): number => calls.filter(({ path }) => path === '/complete').length;
    await eventually(() => ends() >= 2, 'it was told in vain');
    answer(200);
    const before = ends();
    await eventually(() => ends() > before, 'it was told');
  });
});

test('F3: an order that nobody wants any more is given up', async () => {
  const { send, ask, directory } = await begin();
  const { callback, answer } = await listener();
  answer(200, { continue: false });
  const id = randomUUID();
  await send({ id, input: SLOW, callback });
  await eventually(async () => (await ask(id)).status === 404, 'it is forgotten');
  expect(await readdir(join(directory, 'episodes'))).toEqual([]);
});

test('files elsewhere are not to be had, and questions must be signed', async () => {
  const { url } = await begin();
  const statuses = await Promise.all(
    ['/episodes/..%2Forders%2Fx.wav', '/episodes/x.wav', '/', `/jobs/${randomUUID()}/1`].map(
      async (path) => (await fetch(`${url}${path}`)).status,
    ),
  );
  expect(statuses).toEqual([404, 404, 404, 401]);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('the assembler is made of Node and one package that checks signatures', async () => {
  const root = new URL('../../../examples/episodes/', import.meta.url);
  const parts = (await readdir(new URL('assembler/', root))).map((name) => `assembler/${name}`);
  for (const file of ['assembler.ts', ...parts]) {
    const text = await readFile(new URL(file, root), 'utf8');
    for (const [, from = ''] of text.matchAll(/from '([^']+)'/g))
      expect(from).toMatch(/^(node:[\w/]+|standardwebhooks|\.\/[\w/-]+\.ts)$/);
  }
});

interface Sending {
  readonly id?: string;
  readonly token?: string;
  readonly input?: unknown;
  readonly callback?: unknown;
  readonly text?: string;
  readonly secret?: string;
  readonly signedAs?: string;
}

interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function begin() {
  const directory = await mkdtemp(join(tmpdir(), 'assembler-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const assembler = await startAssembler({ directory });
  onTestFinished(() => assembler.stop());
  const { url } = assembler;
  const signed = (as: string, text: string, secret = assemblerSecret): Record<string, string> => ({
    'webhook-id': as,
    'webhook-timestamp': `${Math.floor(Date.now() / 1_000)}`,
    'webhook-signature': new Webhook(secret).sign(as, new Date(), text),
  });
  const answered = async (response: Response): Promise<Answered> => ({
    status: response.status,
    body: (await response.json()) as Answered['body'],
  });
  const send = async (how: Sending): Promise<Answered> => {
    const { id = randomUUID(), token = '1', input = RECIPE, callback = null } = how;
    const text = how.text ?? JSON.stringify({ id, token, type: 'assemble', input, callback });
    const headers = signed(how.signedAs ?? `${id}.${token}`, text, how.secret);
    return answered(await fetch(`${url}/jobs`, { method: 'POST', headers, body: text }));
  };
  const ask = async (id: string, token = '1'): Promise<Answered> =>
    answered(
      await fetch(`${url}/jobs/${id}/${token}`, { headers: signed(`${id}.${token}.status`, '') }),
    );
  return { assembler, directory, url, send, ask };
}

interface Call {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

function tokenOf(body: unknown): unknown {
  return (body as { readonly token?: unknown }).token;
}

/** Whoever is called back. */
async function listener() {
  const calls: Call[] = [];
  let status = 200;
  let body: unknown = { continue: true };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { url: path = '', headers } = request;
      const { authorization } = headers;
      calls.push({ path, authorization, body: JSON.parse(Buffer.concat(parts).toString()) });
      response.writeHead(status).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    calls,
    callback: { url: `http://127.0.0.1:${port}`, authorization: 'Bearer callback_secret' },
    answer: (next: number, said: unknown = { continue: true }): void => {
      status = next;
      body = said;
    },
  };
}
