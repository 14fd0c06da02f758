// What a test of bridges starts from: a Redis and a database of its own, orders pushed to a list, and counts of the jobs that each became.
import { z } from 'zod';
import {
  type BridgeDefinition,
  type BridgeOptions,
  defineBridge,
} from '../../../src/domain/define-bridge.ts';
import { defineJob } from '../../../src/domain/define-job.ts';
import { type RedisServer, redisServer } from '../../support/redis.ts';
import { eventually, type Setup, setup } from '../../support/unstuck.ts';

/** The job of an order; `n` tells which. */
export const order = defineJob({
  type: 'order',
  input: z.looseObject({ n: z.number() }),
  run: () => undefined,
});

/** A Redis, a database, and what a test does with both. */
export interface BridgeWorld extends Setup {
  readonly redis: RedisServer;
  /** Pushes messages as a producer does, the first one first. */
  readonly push: (...messages: readonly unknown[]) => Promise<void>;
  readonly pushRaw: (...messages: readonly string[]) => Promise<void>;
  /** Defines a bridge of the list `jobs`, named `orders`, with short times. */
  readonly bridge: <Message>(options?: Partial<BridgeOptions<Message>>) => BridgeDefinition;
  /** How many jobs have ever been stored for each order. */
  readonly stored: () => Promise<ReadonlyMap<number, number>>;
  /** Resolves when no message is in the list, nor processed by anybody. */
  readonly emptied: () => Promise<void>;
}

/** Makes one. */
export async function bridgeWorld(
  options: { readonly password?: string } = {},
): Promise<BridgeWorld> {
  const redis = await redisServer(options.password);
  const all = await setup();
  const pushRaw = async (...messages: readonly string[]): Promise<void> =>
    void (await redis.send('LPUSH', 'jobs', ...messages));
  return {
    ...all,
    redis,
    pushRaw,
    push: (...messages) => pushRaw(...messages.map((one) => JSON.stringify(one))),
    bridge: (more = {}) => ordersBridge(redis.url, more as Partial<BridgeOptions<unknown>>),
    stored: () => storedOf(all.query),
    emptied: () => emptied(redis),
  };
}

/** Defines the bridge of the tests. */
export function ordersBridge(
  redis: string,
  more: Partial<BridgeOptions<unknown>> = {},
): BridgeDefinition {
  const times = { every: '1s', lease: '1s' } as const;
  return defineBridge({ name: 'orders', redis, list: 'jobs', job: order, ...times, ...more });
}

/** How many jobs have ever been stored for each order. */
export async function storedOf(query: Setup['query']): Promise<ReadonlyMap<number, number>> {
  const rows = await query<{ n: number; count: number }>(
    `select (input ->> 'n')::integer as n, count(*)::integer as count from unstuck.all_jobs group by 1 order by 1`,
  );
  return new Map(rows.map(({ n, count }) => [n, count]));
}

/** Resolves when no message is in the list, nor processed by anybody. */
export async function emptied(redis: Pick<RedisServer, 'send'>, withinMs = 60_000): Promise<void> {
  const left = (): Promise<unknown> => redis.send('EVAL', LEFT, '0').catch(() => 'unknown');
  await eventually(async () => (await left()) === 0, 'every message has become a job', withinMs);
}

const LEFT = `local n = redis.call('LLEN', 'jobs')
for _, c in ipairs(redis.call('SMEMBERS', 'jobs:consumers:orders')) do n = n + redis.call('HLEN', 'jobs:processing:orders:' .. c) end
return n`;

/** Orders from 1 to `count`; every second one has an id. */
export function orders(count: number): { readonly n: number; readonly id?: string }[] {
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0 ? { n: index + 1 } : { n: index + 1, id: `order-${index + 1}` },
  );
}

/** Which orders were stored never, and which more than once. */
export function wrong(
  count: number,
  stored: ReadonlyMap<number, number>,
): { readonly lost: readonly number[]; readonly twice: readonly number[] } {
  const all = Array.from({ length: count }, (_, index) => index + 1);
  return {
    lost: all.filter((n) => !stored.has(n)),
    twice: all.filter((n) => (stored.get(n) ?? 0) > 1),
  };
}
