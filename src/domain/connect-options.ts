/** The options of a connection. */
import type { DeliveryOptions } from './delivery-options.ts';
import type { Log } from './log.ts';
import type { Options } from './options.ts';

/** What `Unstuck.connect` takes: the address, a log, and every option. */
export interface ConnectOptions extends Options, DeliveryOptions {
  /** PostgreSQL URL. Default: UNSTUCK_DATABASE_URL, then DATABASE_URL, then the embedded PostgreSQL. */
  readonly database?: string | undefined;
  /** Takes the log lines. Default: standard error, which also gets the lines on which this log throws. */
  readonly log?: Log;
}
