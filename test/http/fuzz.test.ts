// Every operation, fed with whatever: no 5xx, no hang, only answers that the document promises, and nothing changed by what is refused.
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitting, type Known, NASTY, RAW_BODIES, spoiled } from './support/arbitrary.ts';
import { misfit } from './support/conform.ts';
import { OPERATIONS, type Operation } from './support/operations.ts';
import { ROOT, type World, world } from './support/world.ts';

const LONG = (process.env['UNSTUCK_LONG'] ?? '') !== '';
const RUNS = LONG ? 400 : 20;
const HANG_MS = 10_000;
/** Streams never end by themselves. */
const ENDLESS = ['text/event-stream'];

/** One request, as text can show it. */
interface Shot {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | undefined;
}

const TAGS = [...new Set(OPERATIONS.map(({ tag }) => tag))];

describe.each(TAGS)('%s', (tag) => {
  test(
    'answers anything as its document promises',
    async () => {
      const all = await world();
      for (const operation of OPERATIONS.filter((one) => one.tag === tag && !isEndless(one)))
        await fire(all, operation);
    },
    LONG ? 600_000 : 120_000,
  );
});

function isEndless({ route }: Operation): boolean {
  return Object.values(route.answers).some(({ media }) => ENDLESS.includes(media ?? ''));
}

async function fire(all: World, operation: Operation): Promise<void> {
  const known = await all.known();
  let before = await all.digest();
  await fc.assert(
    fc.asyncProperty(shots(operation, known), async (shot) => {
      const response = await answered(all, shot);
      const text = await response.text();
      expect(misfit(operation, response, text), `${operation.id} ${show(shot)}`).toBeUndefined();
      const after = await settled(all, response.status);
      if (response.status >= 400)
        expect(after, `${operation.id} ${show(shot)} was ${text}`).toBe(before);
      before = after;
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
}

/** What was accepted may go on for a moment. */
async function settled(all: World, status: number): Promise<string> {
  let digest = await all.digest();
  for (let same = status === 202 ? 0 : 3; same < 3; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const next = await all.digest();
    same = next === digest ? same + 1 : 0;
    digest = next;
  }
  return digest;
}

async function answered(
  { handle }: World,
  { method, path, headers, body }: Shot,
): Promise<Response> {
  const request = new Request(`http://localhost${path}`, {
    method,
    headers: { authorization: `Bearer ${ROOT}`, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const hung = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${HANG_MS} ms`)), HANG_MS).unref();
  });
  return Promise.race([handle(request), hung]);
}

/** Requests that fit, and requests with something wrong in them. */
function shots(operation: Operation, known: Known): Arbitrary<Shot> {
  const { method, body } = operation;
  const path = paths(operation, known);
  if (body === undefined)
    return path.map((to) => ({ method, path: to, headers: {}, body: undefined }));
  const fits = fitting(body, known).map(quick);
  const json = fc.oneof(
    { arbitrary: fits.map((value) => JSON.stringify(value)), weight: 4 },
    { arbitrary: fits.chain(spoiled).map((value) => JSON.stringify(value) ?? 'null'), weight: 6 },
    { arbitrary: fc.constantFrom(...RAW_BODIES), weight: 3 },
  );
  const headers = fc.oneof(
    { arbitrary: fc.constant({ 'content-type': 'application/json' }), weight: 9 },
    { arbitrary: fc.constantFrom(...ODD_HEADERS), weight: 1 },
  );
  return fc
    .tuple(path, json, headers)
    .map(([to, text, sent]) => ({ method, path: to, headers: sent, body: text }));
}

const ODD_HEADERS: readonly Record<string, string>[] = [
  {},
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/x-www-form-urlencoded' },
  { 'content-type': 'APPLICATION/JSON ; charset=utf-16' },
  { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  { 'content-type': 'application/json', 'idempotency-key': '' },
  { 'content-type': 'application/json', 'idempotency-key': 'é'.repeat(300) },
  { 'content-type': 'application/json', 'last-event-id': 'x', traceparent: 'ff-zz' },
  Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`x-${n}`, 'y'.repeat(100)])),
];

/** Nobody waits in a test for what may take half a minute. */
function quick(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'wait_ms' in value
    ? { ...value, wait_ms: 0 }
    : value;
}

function paths({ path, parameters }: Operation, known: Known): Arbitrary<string> {
  const holes = parameters.filter((one) => one.in === 'path');
  const values = holes.map(({ name, schema }) =>
    fc.oneof(
      { arbitrary: fitting(schema, known, name).map(encoded), weight: 6 },
      {
        arbitrary: fc.constantFrom(
          ...NASTY.map(encoded),
          '%',
          '%zz',
          '%00',
          '%2F',
          '..%2f',
          '%ED%A0%80',
        ),
        weight: 2,
      },
    ),
  );
  const filled = fc
    .tuple(...values)
    .map((given) =>
      holes.reduce((text, { name }, place) => text.replace(`{${name}}`, given[place] ?? ''), path),
    );
  const queries = queryOf(
    parameters.filter((one) => one.in === 'query'),
    known,
  );
  return fc.tuple(filled, queries).map(([to, query]) => (query === '' ? to : `${to}?${query}`));
}

function queryOf(parameters: Operation['parameters'], known: Known): Arbitrary<string> {
  if (parameters.length === 0) return fc.constantFrom('', '', '', 'extra=1');
  const pair = fc.constantFrom(...parameters).chain(({ name, schema }) =>
    fc
      .oneof(
        { arbitrary: fitting(schema, known, name).map(String), weight: 5 },
        { arbitrary: fc.constantFrom(...NASTY), weight: 1 },
        {
          arbitrary: fc.constantFrom('0', '-1', '1e3', '0x10', '٣', '1,2', '99999999999999999999'),
          weight: 1,
        },
      )
      .map((value) => `${name}=${encoded(value)}`),
  );
  return fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.join('&'));
}

/** Lone surrogates have no encoding of their own; their bytes are sent all the same. */
function encoded(value: unknown): string {
  const text = String(value).replaceAll(
    /[\ud800-\udfff]/g,
    (half, place: number, whole: string) => {
      const paired = /[\ud800-\udbff][\udc00-\udfff]/.test(whole.slice(place - 1, place + 2));
      return paired ? half : '\ufffd';
    },
  );
  try {
    return encodeURIComponent(text);
  } catch {
    return '%ED%A0%80';
  }
}

function show({ method, path, headers, body }: Shot): string {
  const text = typeof body === 'string' ? body.slice(0, 400) : body === undefined ? '' : '(bytes)';
  return `${method} ${path.slice(0, 400)} ${JSON.stringify(headers).slice(0, 200)} ${text}`;
}
