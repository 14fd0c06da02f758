/** Deliveries: what people and other systems were, or are to be, told, and sending once more what failed. */
import { checkActor } from '../domain/bulk.ts';
import { type Delivery, isOneOf, PURPOSES, STATES_OF_DELIVERY } from '../domain/delivery.ts';
import { unstuckError } from '../domain/errors.ts';
import { checkCount } from '../domain/job-filter.ts';
import { isUuid, parseJobId } from '../domain/job-id.ts';
import { refuseUnknown } from '../domain/known-options.ts';
import { shown } from '../std/shown.ts';
import type { Database } from '../storage/database.ts';
import {
  deliveryNotFound,
  readDeliveries,
  readDelivery,
  redeliver,
} from '../storage/deliveries.ts';
import type { Actor } from '../storage/jobs.ts';

/** Which deliveries, newest first. */
export interface DeliveryQuery {
  /** Those that tell of the ends of this job. */
  readonly job?: string | undefined;
  readonly state?: Delivery['state'] | undefined;
  readonly purpose?: Delivery['purpose'] | undefined;
  /** 1 to 1,000, default 50. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

/** One page of deliveries, newest first. */
export interface DeliveryPage {
  readonly deliveries: readonly Delivery[];
  /** Pass as `after` to get the next page; null on the last one. */
  readonly next: string | null;
}

const KNOWN = ['job', 'state', 'purpose', 'limit', 'after'];

/** The outbox of an installation. What ended is kept for 7 days. */
export class Deliveries {
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Returns one page of deliveries. Throws REQUEST_INVALID, OPTION_UNKNOWN or JOB_ID_INVALID. */
  async list(query: DeliveryQuery = {}): Promise<DeliveryPage> {
    refuseUnknown(query, KNOWN, 'a list of deliveries');
    const { job, after, state, purpose } = query;
    const limit = checkCount('limit', query.limit ?? 50);
    check('state', state, isOneOf(STATES_OF_DELIVERY, state));
    check('purpose', purpose, isOneOf(PURPOSES, purpose));
    check('after', after, isUuid(after));
    const conditions = { after, job: job === undefined ? job : parseJobId(job), state, purpose };
    const found = await readDeliveries(this.#database, conditions, limit + 1);
    const deliveries = found.slice(0, limit);
    return { deliveries, next: found.length > limit ? (deliveries.at(-1)?.id ?? null) : null };
  }

  /** Returns a delivery; undefined when there is none. */
  async get(id: string): Promise<Delivery | undefined> {
    return isUuid(id) ? readDelivery(this.#database, id) : undefined;
  }

  /**
   * Sends a delivery that failed once more, under the same id and with a whole schedule of tries. Throws DELIVERY_NOT_FOUND,
   * DELIVERY_STATE_CONFLICT or REQUEST_INVALID.
   */
  async retry(id: string, actor: Actor = {}): Promise<Delivery> {
    checkActor(actor);
    if (!isUuid(id)) throw deliveryNotFound(shown(id));
    return redeliver(this.#database, id, actor, this.#database.config.notifyFor);
  }
}

function check(name: string, value: unknown, good: boolean): void {
  if (value === undefined || good) return;
  throw unstuckError(
    'REQUEST_INVALID',
    `Expected ${name} to be one that a list of deliveries has, got ${shown(value)}.`,
  );
}
