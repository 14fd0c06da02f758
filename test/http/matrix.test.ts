// Who may call what: every operation of the document, asked by everybody who could ask.
import { describe, expect, test } from 'vitest';
import { allows, SCOPES } from '../../src/domain/scopes.ts';
import type { Handler } from '../../src/http/index.ts';
import { OPERATIONS, type Operation } from './support/operations.ts';
import { ROOT, world } from './support/world.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';

/** Somebody who asks, and what they are told where they may not. */
interface Asker {
  readonly who: string;
  readonly headers: Record<string, string>;
  /** Undefined where they may. */
  readonly refused: (operation: Operation) => number | undefined;
}

const GUARDED = OPERATIONS.filter(({ scope }) => scope !== undefined);
const isUnsafe = ({ method }: Operation): boolean => method !== 'GET';

const WITHOUT: readonly Asker[] = [
  { who: 'nobody', headers: {}, refused: () => 401 },
  { who: 'a wrong token', headers: bearer('wrong-token-of-the-tests'), refused: () => 401 },
  { who: 'a token that is none', headers: bearer('é'), refused: () => 401 },
  { who: 'another scheme', headers: { authorization: 'Basic cm9vdDpyb290' }, refused: () => 401 },
  { who: 'the root token', headers: bearer(ROOT), refused: () => undefined },
];

describe('with a token demanded', () => {
  test('every operation refuses who may not, changes nothing then, and lets in who may', async () => {
    const all = await world();
    const before = await all.digest();
    for (const asker of WITHOUT.filter(({ who }) => who !== 'the root token'))
      await ask(all.handle, asker);
    expect(await all.digest()).toBe(before);
    await ask(all.handle, WITHOUT.at(-1) as Asker);
  });
});

describe('on loopback without a token', () => {
  test('another host is refused everywhere', async () => {
    const all = await world({ token: undefined });
    const before = await all.digest();
    await ask(all.handle, {
      who: 'another host',
      headers: { host: 'evil.example' },
      refused: () => 403,
    });
    expect(await all.digest()).toBe(before);
  });
});

/** Asks every guarded operation, with a request that may be wrong in every other way: who may not is told so first. */
async function ask(handle: Handler, { who, headers, refused }: Asker): Promise<void> {
  for (const operation of GUARDED) {
    const stop = new AbortController();
    const response = await handle(
      new Request(`http://localhost${operation.path.replaceAll(/\{\w+\}/g, NOBODY)}`, {
        method: operation.method,
        headers: {
          ...headers,
          ...(isUnsafe(operation) ? { 'content-type': 'application/json' } : {}),
        },
        signal: stop.signal,
        ...(operation.body === undefined ? {} : { body: '{"nonsense":true}' }),
      }),
    );
    const expected = refused(operation);
    const what = `${who}: ${operation.method} ${operation.path} (${operation.scope})`;
    if (expected === undefined) expect([401, 403], what).not.toContain(response.status);
    else expect(response.status, what).toBe(expected);
    await response.body?.cancel();
    stop.abort();
  }
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

test('no scope opens what asks for another, but those that contain it', () => {
  for (const scope of SCOPES) {
    const opened = SCOPES.filter((wanted) => allows([scope], wanted));
    expect(opened).toEqual(
      scope === 'admin'
        ? [...SCOPES]
        : SCOPES.filter(
            (wanted) =>
              wanted === scope || (scope === 'write' && ['read', 'enqueue'].includes(wanted)),
          ),
    );
  }
});
