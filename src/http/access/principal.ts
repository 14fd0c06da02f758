/** Principal: who makes a request, as far as this server knows. */
import type { Scope } from '../../domain/scopes.ts';

/** Somebody whom an application that mounts the handler has recognised itself. */
export interface Caller {
  /** What is written as `by` where the request names nobody else. */
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** Who makes a request, and what they may do. */
export interface Principal extends Caller {
  /**
   * What vouches for them: a token of the database, the token of the environment (`root`), a cookie, the identity of a cloud (`oidc`), the
   * secret of an outside scheduler (`secret`), the secret of one attempt that a remote worker was given (`callback`), an address of this machine
   * (`host`), or the application that mounted the handler (`open`).
   */
  readonly via: 'token' | 'root' | 'session' | 'oidc' | 'secret' | 'callback' | 'host' | 'open';
  /** Of a callback: the token of the only attempt that it may tell of. */
  readonly attempt?: string;
}

/** What is known of the other end of a connection. */
export interface Peer {
  /** Its network address. */
  readonly address?: string | undefined;
}

/** Who does something and why, for the functions that keep it: the name of the principal, and the reason of the request. */
export function actorOf(
  { name }: Principal,
  { reason }: { readonly reason?: string | undefined },
): { readonly by: string; readonly reason?: string } {
  return { by: name, ...(reason === undefined ? {} : { reason }) };
}
