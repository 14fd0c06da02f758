// The laws of refusals: each names what is wrong by an RFC 6901 pointer, in words that need no knowledge of our libraries.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createHandler } from '../../src/http/index.ts';
import { defineJob } from '../../src/index.ts';
import { setup } from '../support/unstuck.ts';

const places = defineJob({
  type: 'places',
  input: z.object({ 'road/rail': z.string(), '~near': z.string() }),
  run: () => 'there',
});

async function refusals(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ pointer: string; detail: string }[]> {
  const { unstuck } = await setup();
  const handler = createHandler(unstuck, { open: true, jobs: [places] });
  const json = { method, headers: { 'content-type': 'application/json' } };
  const answer = await handler(
    new Request(`http://localhost${path}`, { ...json, body: JSON.stringify(body) }),
  );
  expect(answer.status).toBe(422);
  return ((await answer.json()) as { errors: { pointer: string; detail: string }[] }).errors;
}

test('a field that is not known and one that is missing are named themselves', async () => {
  const errors = await refusals('POST', '/v1/jobs', { typ: 'a', prioriti: 5 });
  expect(errors).toEqual([
    { pointer: '/type', detail: 'is missing' },
    { pointer: '/input', detail: 'is missing' },
    { pointer: '/typ', detail: 'there is no such field' },
    { pointer: '/prioriti', detail: 'there is no such field' },
  ]);
});

test('a long name and many of them are told shortly', async () => {
  const names = Array.from({ length: 100 }, (_, n) => [`${n}${'x'.repeat(500)}`, 1]);
  const errors = await refusals('POST', '/v1/jobs', {
    type: 'a',
    input: 1,
    ...Object.fromEntries(names),
  });
  expect(errors).toHaveLength(10);
  expect(JSON.stringify(errors).length).toBeLessThan(2_000);
});

test('a parameter that is not known is named itself', async () => {
  expect(await refusals('GET', '/v1/jobs?stat=failed')).toEqual([
    { pointer: '/stat', detail: 'there is no such parameter' },
  ]);
});

test('the body as a whole is the empty pointer', async () => {
  expect(await refusals('POST', '/v1/jobs', [1])).toEqual([
    { pointer: '', detail: 'Invalid input: expected object, received array' },
  ]);
});

test('a name with a slash or a tilde is escaped', async () => {
  const errors = await refusals('POST', '/v1/jobs', {
    type: 'places',
    input: { 'road/rail': 1, '~near': 2 },
  });
  expect(errors.map(({ pointer }) => pointer)).toEqual(['/road~1rail', '/~0near']);
});

test('what a time and the id of a worker should look like is said', async () => {
  const [time] = await refusals('POST', '/v1/jobs', { type: 'a', input: 1, run_at: '2027-01-31' });
  expect(time).toEqual({
    pointer: '/run_at',
    detail: 'Expected an instant such as "2027-01-31T06:00:00Z"',
  });
  const [id] = await refusals('POST', '/v1/workers/seven/claim', { types: ['a'] });
  expect(id).toEqual({ pointer: '/id', detail: 'Expected a UUID' });
});

test('a queue whose name PostgreSQL cannot hold is refused, not failed at', async () => {
  expect(await refusals('POST', '/v1/jobs/execute-pending', { queue: 'a\0b' })).toEqual([
    { pointer: '/queue', detail: 'Expected a text without NUL' },
  ]);
});

test.each([
  ['progress', { progress: 0.5, note: 'a\0b' }],
  ['fail', { error: { message: 'a\0b', code: 'A\0', name: 'E\0', stack: 'at\0' } }],
  ['fail', { error: { message: '\ud800', code: '\ud800' } }],
  ['complete', { result: 'a\0b' }],
])('what a pull worker sends to %s, with NUL in it, fails no request: %j', async (verb, body) => {
  const { unstuck } = await setup();
  const handler = createHandler(unstuck, { open: true });
  const { id } = await unstuck.enqueue('t', {});
  const post = (path: string, json: object): Promise<Response> =>
    handler(
      new Request(`http://localhost/v1/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(json),
      }),
    );
  await post('workers/01a20077-9475-7261-9e06-aa4ced104c00/claim', { types: ['t'], holding: [] });
  const { status } = await post(`claims/${id}/${verb}`, { token: '1', ...body });
  expect(status).toBeLessThan(500);
});
