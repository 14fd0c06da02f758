/** The door `unstuck/http`: re-exports only. */

export type { OidcOptions, TickOptions } from '../domain/tick-options.ts';
export type { Caller, Peer } from './access/principal.ts';
export * from './client/index.ts';
export type { Handler, HandlerOptions } from './handler.ts';
export { createHandler } from './handler.ts';
export type { NodeListener } from './node-listener.ts';
export { toNodeListener } from './node-listener.ts';
export type { HttpServer, ServeSettings } from './serve.ts';
export { serve } from './serve.ts';
