// The laws of /v1/bridges: what is known of bridges, and what may be done with dead messages.
import { describe, expect, test } from 'vitest';
import { createHandler, type Handler } from '../../src/http/index.ts';
import { type BridgeWorld, bridgeWorld } from '../features/support/bridge-world.ts';
import { hasRedis } from '../support/redis.ts';
import { eventually } from '../support/unstuck.ts';

const REDIS = hasRedis();

interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function served(): Promise<
  BridgeWorld & { readonly ask: (route: string, body?: unknown) => Promise<Answered> }
> {
  const all = await bridgeWorld();
  const handle: Handler = createHandler(all.unstuck);
  const ask = async (route: string, body?: unknown): Promise<Answered> => {
    const [method = 'GET', path = ''] = route.split(' ');
    const init =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await handle(new Request(`http://localhost${path}`, { method, ...init }));
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
  };
  return { ...all, ask };
}

describe.runIf(REDIS)('bridges over HTTP', () => {
  test('are told, their dead messages read in pages, requeued and deleted by place and digest', async () => {
    const { ask, ...all } = await served();
    expect(await ask('GET /v1/bridges')).toEqual({
      status: 200,
      body: { data: [], next_cursor: null },
    });
    await all.unstuck.redis.start(all.bridge());
    await all.pushRaw('a', 'b', 'c');
    await eventually(async () => (await all.redis.send('LLEN', 'jobs:dead')) === 3, 'all are dead');
    await eventually(
      async () => (await all.unstuck.redis.get('orders'))?.dead.length === 3,
      'a look',
    );
    const one = await ask('GET /v1/bridges/orders');
    expect(one).toMatchObject({
      status: 200,
      body: {
        name: 'orders',
        state: 'up',
        waiting: { length: 0, oldest_at: null, growth_per_minute: null },
        dead: { length: 3 },
      },
    });
    const first = await ask('GET /v1/bridges/orders/dead?limit=2');
    const data = first.body['data'] as { position: number; digest: string; message: string }[];
    expect(data.map(({ position, message }) => [position, message])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ]);
    const rest = await ask(
      `GET /v1/bridges/orders/dead?cursor=${String(first.body['next_cursor'])}`,
    );
    expect(rest.body).toMatchObject({ data: [{ position: 2, message: 'c' }], next_cursor: null });
    const places = data.map(({ position, digest }) => ({ position, digest }));
    expect(
      await ask('POST /v1/bridges/orders/dead/delete', {
        messages: places.slice(1),
        reason: 'nonsense',
      }),
    ).toEqual({ status: 200, body: { done: 1, changed: [] } });
    // What stood behind it has moved up.
    const moved = { position: 2, digest: (rest.body['data'] as { digest: string }[])[0]?.digest };
    expect(await ask('POST /v1/bridges/orders/dead/requeue', { messages: [moved] })).toEqual({
      status: 200,
      body: { done: 0, changed: [moved] },
    });
    expect(
      await ask('POST /v1/bridges/orders/dead/requeue', { messages: places.slice(0, 1) }),
    ).toMatchObject({ status: 200, body: { done: 1 } });
    expect(await ask('POST /v1/bridges/orders/dead/requeue', { messages: [] })).toMatchObject({
      status: 422,
    });
    expect(await ask('GET /v1/bridges/nobody/dead')).toMatchObject({
      status: 404,
      body: { code: 'BRIDGE_UNKNOWN' },
    });
    await all.redis.kill();
    expect(await ask('GET /v1/bridges/orders/dead')).toMatchObject({
      status: 503,
      body: { code: 'REDIS_UNREACHABLE' },
    });
    expect(await ask('DELETE /v1/bridges/orders?reason=gone')).toMatchObject({ status: 204 });
    expect(await ask('DELETE /v1/bridges/nobody')).toMatchObject({ status: 404 });
    const { body } = await ask('GET /v1/audit');
    expect((body['data'] as { action: string }[]).map(({ action }) => action)).toEqual([
      'bridge-delete',
      'dead-requeue',
      'dead-requeue',
      'dead-delete',
    ]);
  });
});
