/** Deliveries: reads and changes the outbox. */
import { type Delivery, type DeliveryError, shownAddress } from '../domain/delivery.ts';
import { unstuckError } from '../domain/errors.ts';
import {
  type DeliveryRow,
  findDelivery,
  listDeliveries,
  retryDelivery,
} from '../sql/deliveries.ts';
import type { Database } from './database.ts';
import type { Actor } from './jobs.ts';
import { persist } from './persist.ts';

const PERSIST_MS = 5_000;

/** Which deliveries, as they are asked for of the database. */
export interface DeliveryConditions {
  readonly after: string | undefined;
  readonly job: string | undefined;
  readonly state: Delivery['state'] | undefined;
  readonly purpose: Delivery['purpose'] | undefined;
}

/** Returns a delivery; undefined when there is none. */
export async function readDelivery(database: Database, id: string): Promise<Delivery | undefined> {
  const [row] = await database.run(findDelivery, [id]);
  return row === undefined ? undefined : toDelivery(row);
}

/** Returns deliveries, newest first. */
export async function readDeliveries(
  database: Database,
  { after, job, state, purpose }: DeliveryConditions,
  limit: number,
): Promise<Delivery[]> {
  const values = [after ?? null, job ?? null, state ?? null, purpose ?? null, limit];
  return (await database.run(listDeliveries, values)).map(toDelivery);
}

/**
 * Makes a failed delivery pending again, for `forMs`. After a lost reply one that is not failed any more proves success, whoever did it.
 * Throws DELIVERY_NOT_FOUND or DELIVERY_STATE_CONFLICT.
 */
export async function redeliver(
  database: Database,
  id: string,
  { by, reason }: Actor,
  forMs: number,
): Promise<Delivery> {
  let lost = false;
  const values = [id, by ?? null, reason ?? null, forMs];
  const tried = async (): Promise<{ id: string }[]> => {
    try {
      return await database.run(retryDelivery, values);
    } catch (error) {
      lost = true;
      throw error;
    }
  };
  const changed = await persist(tried, PERSIST_MS);
  const delivery = await readDelivery(database, id);
  if (delivery === undefined) throw deliveryNotFound(id);
  if (changed.length > 0 || (lost && delivery.state !== 'failed')) return delivery;
  throw unstuckError(
    'DELIVERY_STATE_CONFLICT',
    `Expected a delivery that failed, got one that is ${delivery.state} (${id}). Nothing was changed.`,
    { detail: { id, state: delivery.state } },
  );
}

/** The error that there is no delivery with this id. */
export function deliveryNotFound(id: string): Error {
  return unstuckError(
    'DELIVERY_NOT_FOUND',
    `There is no delivery ${id}. It never existed, or it ended more than 7 days ago.`,
    { detail: { id } },
  );
}

function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    purpose: row.purpose,
    channel: row.channel,
    address: row.address === null ? null : shownAddress(row.channel, row.address),
    jobId: row.job_id,
    state: row.state,
    attempts: row.attempts,
    sending: row.sending,
    nextAt: row.next_at,
    expiresAt: row.expires_at,
    error: (row.last_error as DeliveryError | null) ?? null,
    payload: row.payload,
    createdAt: row.created_at,
    deliveredAt: row.delivered_at,
    failedAt: row.failed_at,
  };
}
