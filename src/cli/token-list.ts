/** `unstuck token list`: who may use the HTTP API; newest first. */
import { snakeJson } from '../domain/json.ts';
import type { Token } from '../storage/tokens.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import type { Cell, Column } from './table.ts';

/** Which page. */
export interface TokenListOptions extends Globals {
  readonly limit?: number;
  readonly after?: string;
}

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'NAME', cut: true },
  { title: 'SCOPES' },
  { title: 'STATE' },
  { title: 'USED' },
  { title: 'EXPIRES' },
  { title: 'CREATED' },
  { title: 'BY', cut: true },
];

/** Runs the command. */
export async function tokenList(options: TokenListOptions): Promise<number> {
  const screen = openScreen(options.output);
  const { limit, after } = options;
  const { tokens, next } = await withUnstuck(options, (unstuck) =>
    unstuck.tokens.list({
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    }),
  );
  const now = new Date();
  if (screen.json) screen.value({ tokens: snakeJson(tokens), next });
  else if (screen.tty && tokens.length === 0) screen.line('There are no tokens.');
  else
    screen.table(
      COLUMNS,
      tokens.map((token) => rowOf(token, screen, now)),
    );
  if (next !== null && !screen.json) screen.hint(`… more: --after ${next}`);
  return EXIT.ok;
}

function rowOf(token: Token, screen: Screen, now: Date): Cell[] {
  return [
    token.id,
    token.name,
    token.scopes.join(','),
    stateOf(token),
    screen.time(token.lastUsedAt, now),
    // An age would tell a time to come as one that has gone.
    token.expiresAt?.toISOString() ?? '-',
    screen.time(token.createdAt, now),
    token.createdBy ?? '-',
  ];
}

function stateOf({ valid, revokedAt }: Token): Cell {
  if (valid) return 'valid';
  return { text: revokedAt === null ? 'expired' : 'revoked', paint: 'gray' };
}
