/** Route: one operation of the API. From the same value come the check of a request, the answer, and the OpenAPI document. */
import type { z } from 'zod';
import type { ErrorCode } from '../domain/errors.ts';
import type { Scope } from '../domain/scopes.ts';
import type { Peer, Principal } from './access/principal.ts';
import type { Api } from './api.ts';

/** What a route answers with one status. */
export interface Answer {
  readonly about: string;
  /** The shape of its JSON; none when there is no body, or another media type. */
  readonly schema?: z.ZodType;
  /** The media type, where it is not JSON. */
  readonly media?: string;
}

/** A request whose parts have been checked. */
export interface Call<Params, Query, Body> {
  readonly api: Api;
  readonly principal: Principal;
  readonly peer: Peer;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly request: Request;
  readonly requestId: string;
}

/** What a route answers: JSON with a status, or a whole answer of its own. */
export type Reply =
  | Response
  | {
      /** Default 200. */
      readonly status?: number;
      /** Nothing for an answer without a body. */
      readonly json?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    };

/** The parts of a route that are the same for all. */
interface RouteFacts {
  /** The name of the operation: unique, camelCase, a verb first. The client has a method of this name. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for each parameter. */
  readonly path: string;
  /** What the caller needs: `any` scope will do, `open` routes ask nobody. */
  readonly scope: Scope | 'any' | 'open';
  /** The noun under which the document lists it. */
  readonly tag: string;
  /** One line: what it does. */
  readonly summary: string;
  /** More, where one line is not enough. */
  readonly about?: string;
  readonly answers: Readonly<Record<number, Answer>>;
  /** The codes that it answers beside those that every route may. */
  readonly errors?: readonly ErrorCode[];
  /** Whether it takes the header `Idempotency-Key`. */
  readonly idempotent?: boolean;
  /** How large a body may be: that of one input (default) or of a batch. */
  readonly bodySize?: 'input' | 'batch';
  /** Whether a remote worker may call it with the secret of an attempt of the job whose `id` is in its path. */
  readonly callback?: boolean;
  /** Whether the request may take longer than 30 s: long polls and streams. */
  readonly long?: boolean;
}

/** A route, whatever its types. */
export interface Route extends RouteFacts {
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  handle(call: Call<never, never, never>): Promise<Reply>;
}

/** Declares a route; its handler gets the parts of a request as their schemas give them. A part without a schema must be empty. */
export function route<
  P extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
>(
  declared: RouteFacts & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    handle(call: Call<z.output<P>, z.output<Q>, z.output<B>>): Promise<Reply>;
  },
): Route {
  return declared;
}
