/** Metrics: what /metrics answers, in the text format of Prometheus. */
import type { Metric } from 'prom-client';
import type { Log } from '../../domain/log.ts';
import type { Unstuck } from '../../unstuck.ts';
import { bridgeFamilies } from './bridge-families.ts';
import { databaseFamilies } from './database-families.ts';
import { type Family, gauge } from './family.ts';
import { LoopLag, processFamilies } from './process-families.ts';
import { RequestMeter } from './request-meter.ts';
import { type Measured, Snapshots } from './snapshot.ts';

/** An answer to a scrape. */
export interface Scrape {
  readonly text: string;
  readonly contentType: string;
}

/** The metrics of one handler. */
export class Metrics {
  /** Counts the requests that it answers. */
  readonly requests: RequestMeter = new RequestMeter();
  #unstuck: Measured & Pick<Unstuck, 'watch'>;
  #snapshots: Snapshots;
  #lag = new LoopLag();
  #log: Log;

  constructor(unstuck: Measured & Pick<Unstuck, 'watch' | 'log'>) {
    this.#unstuck = unstuck;
    this.#snapshots = new Snapshots(unstuck);
    this.#log = unstuck.log;
  }

  /** Answers a scrape. Without its database a process still tells of itself. */
  async scrape(streams: number): Promise<Scrape> {
    const installation = await this.#installation();
    const lag = this.#lag.take();
    const own = processFamilies(this.#unstuck.watch.meter, this.requests, { streams, lag });
    return write([...installation, ...own]);
  }

  async #installation(): Promise<Family[]> {
    try {
      const latest = await this.#snapshots.latest();
      return [up(1), ...databaseFamilies(latest), ...bridgeFamilies(latest)];
    } catch (error) {
      this.#log.warn('metrics_without_database', { error });
      return [up(0)];
    }
  }
}

function up(value: 0 | 1): Family {
  return gauge('unstuck_database_up', '1 when the database answered this scrape, else 0.', [
    [{}, value],
  ]);
}

/** prom-client is loaded with the first scrape; it asks each metric for its values, and writes and escapes them. */
async function write(families: readonly Family[]): Promise<Scrape> {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  for (const family of families)
    registry.registerMetric({ name: family.name, get: async () => family } as unknown as Metric);
  return { text: await registry.metrics(), contentType: registry.contentType };
}
