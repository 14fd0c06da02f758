/** The commands about who may use the HTTP API. */
import { SCOPE_MEANINGS, SCOPES } from '../domain/scopes.ts';
import { type Add, collect, toInteger } from './add-command.ts';

/** Adds the commands of `token`. */
export function addTokens(add: Add): void {
  const change = async () => await import('./token-change.ts');
  add(
    'create',
    'make a token; its secret is printed this once, alone on standard output',
    async () => (await change()).tokenCreate,
  )
    .requiredOption('--name <name>', 'who or what has it; kept as `by` with what is done with it')
    .requiredOption('--scope <scope>', 'what it may do; repeat for several', collect)
    .option('--expires <duration>', '1m to 3650d (default: until it is revoked)')
    .addHelpText('after', `\nScopes:\n${MEANINGS}`);
  add(
    'list',
    'list tokens, newest first, also those that cannot be used any more',
    async () => (await import('./token-list.ts')).tokenList,
  )
    .option('--limit <n>', '1 to 1000 (default 100)', toInteger)
    .option('--after <n>', 'go on behind this place');
  add(
    'revoke <id>',
    'end a token and the sessions that were opened with it, everywhere within 5 s',
    async () => (await change()).tokenRevoke,
  ).option('--reason <text>', 'why; kept with it');
}

const MEANINGS = SCOPES.map((scope) => `  ${scope.padEnd(8)} ${SCOPE_MEANINGS[scope]}`).join('\n');
