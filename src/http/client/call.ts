/** Call: what one call of the client is made of, whatever the operation. */

/** How one call is made; everything is optional. */
export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long one try may take, in milliseconds. Default 30,000, of long polls 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Sent as `Idempotency-Key`: the server does the same call once. Enqueues get one of their own when none is given. */
  readonly idempotencyKey?: string | undefined;
}

/** The request of an operation that takes nothing. */
export interface NoFields {
  readonly [field: string]: never;
}

/** Where an operation is, and what may be done when its answer is lost. */
export interface OperationPlace {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for each parameter. */
  readonly path: string;
  /** It may take longer than 30 s. */
  readonly long?: boolean;
  /** It takes an `Idempotency-Key`, and so may be sent again. */
  readonly keyed?: boolean;
}
