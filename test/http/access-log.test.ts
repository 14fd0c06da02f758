// The laws of the access log: one line for each request but the probes, and nothing in it that may be a secret.
import { expect, test } from 'vitest';
import type { Log } from '../../src/domain/log.ts';
import { createHandler, type Handler } from '../../src/http/index.ts';
import { setup } from '../support/unstuck.ts';

const TOKEN = 'correct-horse-battery';
const known = { authorization: `Bearer ${TOKEN}` };

interface Said {
  readonly level: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

async function logging(): Promise<{ handle: Handler; said: Said[] }> {
  const said: Said[] = [];
  const at =
    (level: string): Log['info'] =>
    (event, facts = {}) => {
      if (event === 'request') said.push({ level, facts });
    };
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const { connect } = await setup({ sweep: false });
  const unstuck = await connect({ log });
  return { handle: createHandler(unstuck, { token: TOKEN }), said };
}

test('a request is one line: who asked for what, and what came of it', async () => {
  const { handle, said } = await logging();
  const answer = await handle(new Request('http://x/v1/jobs?tag=secret-value', { headers: known }));
  expect(said).toEqual([
    {
      level: 'debug',
      facts: {
        request: answer.headers.get('x-request-id'),
        route: 'listJobs',
        method: 'GET',
        path: '/v1/jobs',
        status: 200,
        ms: expect.any(Number),
        by: 'root',
      },
    },
  ]);
});

test('what people change and who is turned away is told at info, the rest at debug', async () => {
  const { handle, said } = await logging();
  const send = (path: string, init: RequestInit): Promise<Response> =>
    handle(new Request(`http://x${path}`, init));
  const headers = { ...known, 'content-type': 'application/json' };
  const job = JSON.stringify({ type: 'free', input: 'secret-value' });
  const { id } = (await (
    await send('/v1/jobs', { method: 'POST', headers, body: job })
  ).json()) as { id: string };
  await send(`/v1/jobs/${id}/cancel`, { method: 'POST', headers, body: '{}' });
  await send(`/v1/jobs/${id}/cancel`, { method: 'POST', headers, body: '{}' });
  await send('/v1/jobs', { headers: { authorization: 'Bearer secret-value' } });
  await send('/v1/nothing', { headers });
  expect(said.map(({ level, facts }) => [level, facts['route'], facts['status']])).toEqual([
    ['debug', 'enqueueJob', 201],
    ['info', 'cancelJob', 200],
    ['debug', 'cancelJob', 409],
    ['info', 'listJobs', 401],
    ['debug', undefined, 404],
  ]);
  expect(JSON.stringify(said)).not.toMatch(/secret-value|correct-horse/);
});

test('probes are not logged', async () => {
  const { handle, said } = await logging();
  for (const path of ['/livez', '/readyz', '/readyz?verbose'])
    await handle(new Request(`http://x${path}`));
  expect(said).toEqual([]);
});
