/** Sessions: a person who logged in with a token, known by a secret in a cookie. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Scope } from '../../domain/scopes.ts';
import { digestOf, makeSecret } from '../../domain/tokens.ts';
import {
  endSession,
  proveSession,
  pruneSessions,
  storeSession,
  touchSession,
} from '../../sql/tokens.ts';
import type { Database } from '../../storage/database.ts';
import { toScopes } from '../../storage/tokens.ts';

/** Whose session it is. */
export interface VerifiedSession {
  /** The name of its token; null for the token of the environment. */
  readonly name: string | null;
  readonly scopes: readonly Scope[];
  /** Milliseconds until it ends unless it is used. */
  readonly leftMs: number;
}

/** With what somebody logs in: a token of the database by its id, or the text of the one of the environment. */
export type LoginWith = { readonly tokenId: string } | { readonly root: string };

/** A session that is not used for so long has ended. */
const IDLE_MS = 3_600_000;
/** A session ends after so long, however much it is used. */
export const SESSION_MS = 43_200_000;
const SECRET = /^[0-9A-Za-z]{43}$/;

/** The sessions of an installation. */
export class Sessions {
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Opens a session, removes those that have ended, and returns its secret, of which the database keeps only a hash. */
  async open(login: LoginWith): Promise<string> {
    const secret = makeSecret(randomBytes(32));
    const [tokenId, proof] =
      'root' in login ? [null, proofOf(secret, login.root)] : [login.tokenId, null];
    await this.#database.run(pruneSessions, [IDLE_MS, SESSION_MS]);
    await this.#database.run(storeSession, [digestOf(secret), tokenId, proof]);
    return secret;
  }

  /**
   * Returns whose session a secret is; undefined when there is none, it was idle for an hour, is older than 12 hours, or its token has been revoked,
   * has expired, or is no longer `root`, that of the environment. Notes its use, at most once a minute.
   */
  async verify(secret: string, root: string | undefined): Promise<VerifiedSession | undefined> {
    if (!SECRET.test(secret)) return undefined;
    const digest = digestOf(secret);
    const [row] = await this.#database.run(proveSession, [digest, IDLE_MS, SESSION_MS]);
    if (row === undefined) return undefined;
    const { proof, name, left_ms: leftMs } = row;
    if (proof !== null && !isProof(proof, secret, root)) return undefined;
    if (row.stale) await this.#database.run(touchSession, [digest]);
    const scopes: readonly Scope[] = proof === null ? toScopes(row.scopes ?? []) : ['admin'];
    return { name, scopes, leftMs };
  }

  /** Ends a session; one that there is not is no error. */
  async end(secret: string): Promise<void> {
    if (SECRET.test(secret)) await this.#database.run(endSession, [digestOf(secret)]);
  }
}

function isProof(proof: Buffer, secret: string, root: string | undefined): boolean {
  return root !== undefined && timingSafeEqual(proof, proofOf(secret, root));
}

/** Under the session's own secret: who only has the database cannot guess at the token with it. */
function proofOf(secret: string, root: string): Buffer {
  return createHmac('sha256', secret).update(root).digest();
}
