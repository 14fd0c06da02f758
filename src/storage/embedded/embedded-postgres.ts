/** What the embedded PostgreSQL is to those who use it: its options, and the handle of one that runs. */
import type { Log } from '../../domain/log.ts';

/** How an embedded server is started. */
export interface EmbeddedOptions {
  /** Where everything is kept: data, log, port. Made when missing; give each database a directory of its own. */
  readonly directory: string;
  /** TCP port on 127.0.0.1. Default: the port of the last start if it is free, else any free one. */
  readonly port?: number | undefined;
  /** False skips fsync: fast, and a power cut may destroy the data. For tests. Default true. */
  readonly durable?: boolean | undefined;
  /** `max_connections` of a server that this call starts. Default 200. */
  readonly maxConnections?: number | undefined;
  /** Milliseconds until a start is given up; crash recovery counts. Default 60,000. */
  readonly startTimeoutMs?: number | undefined;
  /** Whether a server that dies while this process lives is started again within about a second. Default true. */
  readonly revive?: boolean | undefined;
  /** Where root keeps what the server's own user must reach but cannot. Default `/var/lib/unstuck`. */
  readonly sharedDirectory?: string | undefined;
  /** Hears what is done; silent by default. */
  readonly log?: Log | undefined;
}

/**
 * A running embedded server, held together with every other process that started it on the same directory: the last one
 * out stops it, and a process that dies counts as out at once.
 */
export interface EmbeddedPostgres {
  /** Address of the database `unstuck`, with its password: do not log it. Stays the same across `restart`. */
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  readonly dataDirectory: string;
  /** What the server writes; renamed to `….1` at a start that finds it larger than 10 MB. */
  readonly logFile: string;
  /** Process id of the server as it runs now; undefined while it is down. */
  readonly postmasterPid: number | undefined;
  /** True when the server was already running and this process joined it. */
  readonly adopted: boolean;
  /**
   * Lets go of the server; when nobody else holds it, stops it and resolves when it is gone. `fast` (the default) waits
   * 30 s for a clean stop before it turns to `immediate`, after which the next start recovers from the log. Repeatable.
   */
  stop(mode?: StopMode): Promise<void>;
  /** Ends the server at once, whoever else holds it, and resolves when it is gone; it stays down until `restart`. For tests. */
  kill(how?: KillMode): Promise<void>;
  /** Stops the server if it runs, whoever else holds it, and starts it again on the same port. */
  restart(): Promise<void>;
}

/** `fast` ends sessions and writes a checkpoint; `immediate` just ends. */
export type StopMode = 'fast' | 'immediate';

/** `immediate` asks the server to drop everything (SIGQUIT); `sigkill` does not ask. */
export type KillMode = 'immediate' | 'sigkill';
