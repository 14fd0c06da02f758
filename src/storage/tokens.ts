/** Tokens: rows of tokens and sessions as domain values. */
import { SCOPES, type Scope } from '../domain/scopes.ts';
import type { TokenRow } from '../sql/tokens.ts';

/** A token as it is kept: everything but the secret. */
export interface Token {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Whether it can be used now: neither revoked nor expired. */
  readonly valid: boolean;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  /** Null: until it is revoked. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly revokedBy: string | null;
  readonly revokeReason: string | null;
  /** To the minute; null when it was never used. */
  readonly lastUsedAt: Date | null;
}

/** What a row says. */
export function toToken(row: TokenRow): Token {
  return {
    id: row.id,
    name: row.name,
    scopes: toScopes(row.scopes),
    valid: row.valid,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    revokeReason: row.revoke_reason,
    lastUsedAt: row.last_used_at,
  };
}

/** The scopes that this version knows; one that a newer version wrote allows nothing here. */
export function toScopes(stored: readonly string[]): readonly Scope[] {
  return SCOPES.filter((scope) => stored.includes(scope));
}
