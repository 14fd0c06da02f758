/** `unstuck token create` and `revoke`: makes and ends tokens of the HTTP API. */
import { snakeJson } from '../domain/json.ts';
import type { Scope } from '../domain/scopes.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { whoAmI } from './who.ts';

/** What the token is called, may do, and how long it lasts. */
export interface TokenCreateOptions extends Globals {
  readonly name: string;
  readonly scope: readonly Scope[];
  readonly expires?: string;
}

/** Why it is revoked. */
export interface TokenRevokeOptions extends Globals {
  readonly reason?: string;
}

/** Makes a token. Standard output has the secret alone, so that `TOKEN=$(unstuck token create …)` is enough. */
export async function tokenCreate(options: TokenCreateOptions): Promise<number> {
  const screen = openScreen(options.output);
  const { name, scope: scopes, expires } = options;
  const made = await withUnstuck(options, (unstuck) =>
    unstuck.tokens.create({ name, scopes, expires }, { by: whoAmI() }),
  );
  if (screen.json) screen.value(snakeJson(made));
  else {
    screen.line(made.token);
    const end = made.expiresAt?.toISOString() ?? 'it is revoked';
    screen.hint(
      `Token ${made.id} (${made.name}): ${made.scopes.join(', ')}, until ${end}. It is shown this once.`,
    );
  }
  return EXIT.ok;
}

/** Revokes a token: exit code 3 when there is none. */
export async function tokenRevoke(options: TokenRevokeOptions, id: string): Promise<number> {
  const screen = openScreen(options.output);
  const { reason } = options;
  const token = await withUnstuck(options, (unstuck) =>
    unstuck.tokens.revoke(id, { by: whoAmI(), reason }),
  );
  if (screen.json) screen.value(snakeJson(token));
  else if (screen.tty) screen.line(`Token ${token.id} (${token.name}) is revoked.`);
  else screen.line(`${token.id}\trevoked`);
  return EXIT.ok;
}
