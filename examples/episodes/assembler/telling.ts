// Tells whoever ordered how an order stands. The status route answers the same, for when nobody can be told.
import { setTimeout as wait } from 'node:timers/promises';
import type { Order } from './orders.ts';

const CALL_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const PAUSE_MAX_MS = 30_000;

/** Tells how far an order is; resolves to false when it is not wanted any more. That nobody answers is no reason to stop. */
export async function tellProgress(order: Order, progress: number, note: string): Promise<boolean> {
  const answer = await post(order, 'progress', { progress, note });
  const told = answer?.ok === true ? ((await answer.json()) as { continue?: boolean }) : undefined;
  return told?.continue !== false;
}

/** Tells the end of an order, again and again until somebody has answered or the signal says stop; resolves to whether somebody has. */
export async function tellEnd(order: Order, signal: AbortSignal): Promise<boolean> {
  if (order.callback === null) return true;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(PAUSE_MAX_MS, pause * 2)) {
    const answer = await post(order, ...endOf(order));
    // A refusal is an answer too: the attempt is over, or somebody else has told it.
    if (answer !== undefined && answer.status < 500 && answer.status !== 429) return true;
    await wait(pause, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return false;
  }
}

function endOf({ state, result, error }: Order): [verb: string, body: Record<string, unknown>] {
  return state === 'completed' ? ['complete', { result }] : ['fail', { error, retry: false }];
}

async function post(
  { token, callback }: Order,
  verb: string,
  body: Record<string, unknown>,
): Promise<Response | undefined> {
  if (callback === null) return undefined;
  try {
    return await fetch(`${callback.url}/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: callback.authorization },
      body: JSON.stringify({ token, ...body }),
      signal: AbortSignal.timeout(CALL_MS),
    });
  } catch {
    return undefined;
  }
}
