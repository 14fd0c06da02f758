/** `unstuck delivery list`, `show` and `retry`: who was, or is to be, told what. */
import type { Delivery } from '../domain/delivery.ts';
import { unstuckError } from '../domain/errors.ts';
import { deliveryJson } from '../domain/json.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { type Fact, showFacts } from './show-facts.ts';
import type { Cell, Column } from './table.ts';
import { whoAmI } from './who.ts';

/** Which deliveries. */
export interface DeliveryListOptions extends Globals {
  readonly job?: string;
  readonly state?: Delivery['state'];
  readonly purpose?: Delivery['purpose'];
  readonly limit?: number;
  readonly after?: string;
}

/** Why it is sent again. */
export interface DeliveryRetryOptions extends Globals {
  readonly reason?: string;
}

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'STATE' },
  { title: 'CHANNEL' },
  { title: 'ADDRESS', cut: true },
  { title: 'TRIES', right: true },
  { title: 'NEXT' },
  { title: 'ERROR', cut: true },
];

/** Lists deliveries: one page. */
export async function deliveryList(options: DeliveryListOptions): Promise<number> {
  const screen = openScreen(options.output);
  const { job, state, purpose, limit, after } = options;
  const query = { job, state, purpose, limit, after };
  const { deliveries, next } = await withUnstuck(options, (unstuck) =>
    unstuck.deliveries.list(query),
  );
  const now = new Date();
  if (screen.json) screen.value({ deliveries: deliveries.map(deliveryJson), next });
  else if (screen.tty && deliveries.length === 0) screen.line('No such deliveries.');
  else
    screen.table(
      COLUMNS,
      deliveries.map((one) => rowOf(one, screen, now)),
    );
  if (next !== null && !screen.json) screen.hint(`… more: --after ${next}`);
  return EXIT.ok;
}

/** Shows one delivery: exit code 3 when there is none. */
export async function deliveryShow(options: Globals, id: string): Promise<number> {
  const screen = openScreen(options.output);
  const found = await withUnstuck(options, (unstuck) => unstuck.deliveries.get(id));
  if (found === undefined)
    throw unstuckError('DELIVERY_NOT_FOUND', `There is no delivery ${JSON.stringify(id)}.`);
  showDelivery(screen, found);
  return EXIT.ok;
}

/** Sends one that failed again: exit code 3 when there is none, 5 when it did not fail. */
export async function deliveryRetry(options: DeliveryRetryOptions, id: string): Promise<number> {
  const screen = openScreen(options.output);
  const actor = { by: whoAmI(), reason: options.reason };
  showDelivery(
    screen,
    await withUnstuck(options, (unstuck) => unstuck.deliveries.retry(id, actor)),
  );
  return EXIT.ok;
}

function showDelivery(screen: Screen, one: Delivery): void {
  if (screen.json) screen.value(deliveryJson(one));
  else showFacts(screen, factsOf(one, screen, new Date()));
}

function factsOf(one: Delivery, screen: Screen, now: Date): readonly Fact[] {
  return [
    ['id', one.id],
    ['purpose', one.purpose],
    ['job', one.jobId],
    ['channel', one.channel],
    ['address', one.address],
    ['state', one.sending ? `${one.state} (being sent)` : one.state],
    ['tries', String(one.attempts)],
    ['next', one.nextAt && screen.time(one.nextAt, now)],
    ['expires', one.state === 'pending' ? screen.time(one.expiresAt, now) : null],
    ['error', one.error && `${one.error.code}: ${one.error.message}`],
    ['created', screen.time(one.createdAt, now)],
    ['delivered', one.deliveredAt && screen.time(one.deliveredAt, now)],
    ['failed', one.failedAt && screen.time(one.failedAt, now)],
    ['payload', JSON.stringify(one.payload)],
  ];
}

function rowOf(one: Delivery, screen: Screen, now: Date): Cell[] {
  return [
    one.id,
    one.state === 'failed' ? { text: one.state, paint: 'red' } : one.state,
    one.channel,
    one.address ?? '-',
    String(one.attempts),
    screen.time(one.nextAt, now),
    one.error?.code ?? '',
  ];
}
