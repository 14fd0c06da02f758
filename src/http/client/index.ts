/** The client of the API: re-exports only, and nothing of the server. */
export type { RemoteErrorParts } from '../../domain/errors.ts';
export { RemoteError } from '../../domain/errors.ts';
export type { CallOptions, NoFields } from './call.ts';
export type { Client, ClientOptions, ClientToken } from './client.ts';
export { createClient } from './client.ts';
export type { Operations } from './generated/operations.ts';
export type * from './generated/shapes.ts';
