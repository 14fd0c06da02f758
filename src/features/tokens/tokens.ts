/** Tokens: who may use the HTTP API, and what they may do there. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { checkActor } from '../../domain/bulk.ts';
import { unstuckError } from '../../domain/errors.ts';
import { checkCount } from '../../domain/job-filter.ts';
import type { Scope } from '../../domain/scopes.ts';
import {
  makeToken,
  parseTokenSettings,
  readToken,
  type TokenSettings,
} from '../../domain/tokens.ts';
import { listTokens, proveToken, revokeToken, storeToken, touchToken } from '../../sql/tokens.ts';
import { shown } from '../../std/shown.ts';
import type { Database } from '../../storage/database.ts';
import type { Actor } from '../../storage/jobs.ts';
import { persist } from '../../storage/persist.ts';
import { type Token, toScopes, toToken } from '../../storage/tokens.ts';
import { Sessions } from './sessions.ts';

/** A new token with its text, which is shown this once. */
export interface NewToken extends Token {
  readonly token: string;
}

/** One page of tokens, newest first. */
export interface TokenPage {
  readonly tokens: readonly Token[];
  /** Pass as `after` to get the next page; null on the last one. */
  readonly next: string | null;
}

/** A token that has been found good. */
export interface VerifiedToken {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds until it expires; null for never. */
  readonly leftMs: number | null;
}

const PERSIST_MS = 5_000;
/** What an unknown id is compared with, so that it takes as long as a known one. */
const NOBODY = randomBytes(32);

/** The tokens of an installation. */
export class Tokens {
  /** Who is logged in with one. */
  readonly sessions: Sessions;
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
    this.sessions = new Sessions(database);
  }

  /**
   * Makes a token; its text is in the answer and nowhere else, the database keeps only a hash. Throws TOKEN_OPTIONS_INVALID, OPTION_UNKNOWN, or
   * REQUEST_INVALID for a `by` that cannot be stored.
   */
  async create(settings: TokenSettings, actor: Pick<Actor, 'by'> = {}): Promise<NewToken> {
    const { name, scopes, expiresMs } = parseTokenSettings(settings);
    checkActor(actor);
    const token = makeToken(randomBytes(8), randomBytes(32));
    const { id, digest } = readToken(token) as { id: string; digest: Buffer };
    const values = [id, digest, name, scopes, actor.by ?? null, expiresMs];
    const [row] = await persist(() => this.#database.run(storeToken, values), PERSIST_MS);
    if (row !== undefined) return { ...toToken(row), token };
    throw unstuckError('INTERNAL_ERROR', `The id ${id} of a new token is taken. Try again.`);
  }

  /** Returns one page of tokens, newest first, also those that were revoked: `limit` 1 to 1,000, default 100. Throws REQUEST_INVALID. */
  async list(page: { readonly limit?: number; readonly after?: string } = {}): Promise<TokenPage> {
    const limit = checkCount('limit', page.limit ?? 100);
    const after = page.after ?? null;
    if (after !== null && !/^\d{1,18}$/.test(after))
      throw unstuckError(
        'REQUEST_INVALID',
        `Expected after to be the next of a page of tokens, got ${shown(after)}.`,
      );
    const rows = await this.#database.run(listTokens, [after, limit + 1]);
    const kept = rows.slice(0, limit);
    const next = rows.length > limit ? (kept.at(-1)?.number ?? null) : null;
    return { tokens: kept.map(toToken), next };
  }

  /**
   * Revokes a token and ends the sessions that were opened with it: in this and every other process within 5 s. One that was revoked before stays as
   * it is. Throws TOKEN_NOT_FOUND, or REQUEST_INVALID for a reason that cannot be stored.
   */
  async revoke(id: string, actor: Actor = {}): Promise<Token> {
    checkActor(actor);
    const values = [id, actor.by ?? null, actor.reason ?? null];
    const known = /^[0-9A-Za-z]{1,40}$/.test(id);
    const [row] = known
      ? await persist(() => this.#database.run(revokeToken, values), PERSIST_MS)
      : [];
    if (row !== undefined) return toToken(row);
    throw unstuckError(
      'TOKEN_NOT_FOUND',
      `There is no token with the id ${shown(id)}. Nothing was revoked.`,
    );
  }

  /** Returns whose token a text is; undefined when it is no token, or an unknown, revoked or expired one. Notes its use, at most once a minute. */
  async verify(text: string): Promise<VerifiedToken | undefined> {
    const parts = readToken(text);
    if (parts === undefined) return undefined;
    const [row] = await this.#database.run(proveToken, [parts.id]);
    const same = timingSafeEqual(row?.digest ?? NOBODY, parts.digest);
    if (row === undefined || !same) return undefined;
    if (row.stale) await this.#database.run(touchToken, [row.id]);
    const { id, name, left_ms: leftMs } = row;
    return { id, name, scopes: toScopes(row.scopes), leftMs };
  }
}
