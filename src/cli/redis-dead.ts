/** `unstuck redis dead` and `delete`: dead messages, and bridges that are gone. */
import type { DeadChange, DeadMessage } from '../domain/bridge.ts';
import { unstuckError } from '../domain/errors.ts';
import { snakeJson } from '../domain/json.ts';
import type { DeadFilter } from '../features/redis/bridges.ts';
import { EXIT } from './exit-codes.ts';
import type { Operable } from './operable.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import type { Cell, Column } from './table.ts';
import { whoAmI } from './who.ts';

/** Which dead messages, and what is done with them. */
export interface RedisDeadOptions extends Globals {
  readonly limit?: number;
  readonly after?: number;
  readonly digest?: readonly string[];
  readonly requeue?: boolean;
  readonly delete?: boolean;
  readonly reason?: string;
}

const COLUMNS: readonly Column[] = [
  { title: 'POSITION', right: true },
  { title: 'DIGEST' },
  { title: 'DEAD SINCE' },
  { title: 'CODE' },
  { title: 'REASON', cut: true },
  { title: 'MESSAGE', cut: true },
];

/** Lists dead messages, and with --requeue or --delete changes exactly those that it has read: exit code 5 when some had moved on meanwhile. */
export async function redisDead(options: RedisDeadOptions, name: string): Promise<number> {
  const screen = openScreen(options.output);
  if (options.requeue === true && options.delete === true)
    throw unstuckError('OPTION_INVALID', 'Expected --requeue or --delete, got both.');
  return withUnstuck(options, async (unstuck) => {
    const messages = await read(unstuck, name, options);
    if (options.requeue !== true && options.delete !== true) {
      showDead(screen, messages);
      return EXIT.ok;
    }
    if (messages.length === 0 && options.digest !== undefined) {
      screen.hint(
        'No dead message among those that were looked at has this digest; nothing was done. List them again.',
      );
      return EXIT.conflict;
    }
    const change = await apply(unstuck, name, messages, options);
    showChange(screen, change, options.requeue === true ? 'requeued' : 'deleted');
    return change.changed.length === 0 ? EXIT.ok : EXIT.conflict;
  });
}

/** Forgets a bridge: exit code 3 when there is none. */
export async function redisDelete(
  { reason, ...options }: RedisDeadOptions,
  name: string,
): Promise<number> {
  const screen = openScreen(options.output);
  await withUnstuck(options, (unstuck) => unstuck.redis.delete(name, actorOf(reason)));
  if (screen.json) screen.value({ name, deleted: true });
  else
    screen.line(
      screen.tty ? `The bridge ${name} is forgotten. Its lists stay.` : `${name}\tdeleted`,
    );
  return EXIT.ok;
}

async function read(
  unstuck: Operable,
  name: string,
  { limit, after, digest }: RedisDeadOptions,
): Promise<DeadMessage[]> {
  const filter: DeadFilter = {
    ...(limit === undefined ? {} : { limit }),
    ...(after === undefined ? {} : { after }),
  };
  const found = await unstuck.redis.dead(name, filter);
  return digest === undefined ? found : found.filter((one) => digest.includes(one.digest));
}

async function apply(
  unstuck: Operable,
  name: string,
  messages: readonly DeadMessage[],
  { requeue, reason }: RedisDeadOptions,
): Promise<DeadChange> {
  const places = messages.map(({ position, digest }) => ({ position, digest }));
  if (places.length === 0) return { done: 0, changed: [] };
  const actor = actorOf(reason);
  return requeue === true
    ? unstuck.redis.requeueDead(name, places, actor)
    : unstuck.redis.deleteDead(name, places, actor);
}

function actorOf(reason: string | undefined): { readonly by: string; readonly reason?: string } {
  return { by: whoAmI(), ...(reason === undefined ? {} : { reason }) };
}

function showDead(screen: Screen, messages: readonly DeadMessage[]): void {
  if (screen.json) screen.value({ messages: snakeJson(messages) });
  else if (screen.tty && messages.length === 0) screen.line('There are no dead messages.');
  else
    screen.table(
      COLUMNS,
      messages.map((one) => rowOf(one, screen, new Date())),
    );
}

function rowOf(
  { position, digest, deadAt, code, reason, message }: DeadMessage,
  screen: Screen,
  now: Date,
): Cell[] {
  return [String(position), digest, screen.time(deadAt, now), code ?? '-', reason ?? '-', message];
}

function showChange(screen: Screen, { done, changed }: DeadChange, what: string): void {
  if (screen.json) screen.value({ [what]: done, changed });
  else if (!screen.tty) screen.line(`${what}\t${done}`);
  else screen.line(`${done} ${done === 1 ? 'message' : 'messages'} ${what}.`);
  if (changed.length > 0)
    screen.hint(
      `${changed.length} did not stand where they had been seen; nothing was done to them. List them again.`,
    );
}
