/** Tells a person about an error: what happened, its cause, what to do; without passwords, and without a stack unless asked. */
import { ERRORS, RemoteError, UnstuckError } from '../domain/errors.ts';
import { hidePasswords } from '../domain/secrets.ts';
import { codeOf, isConnectionLost } from '../storage/postgres-errors.ts';

/** Returns the lines for standard error, without a line break at the end. */
export function describeFailure(error: unknown, debug: boolean): string {
  const message = error instanceof Error ? messageOf(error) : String(error);
  const lines = [`unstuck: ${message}`];
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && !message.includes(messageOf(cause)))
    lines.push(`  cause  ${messageOf(cause)}`);
  lines.push(`  do     ${remedy(error)}`);
  const code = error instanceof UnstuckError ? error.code : codeOf(error);
  if (code !== '') lines.push(`  code   ${code}`);
  if (debug && error instanceof Error) lines.push(String(error.stack));
  if (debug && cause instanceof Error) lines.push(`caused by ${String(cause.stack)}`);
  return hidePasswords(lines.join('\n'));
}

/** Several addresses were tried: Node then has the reasons in a list and no message. */
function messageOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map((one: unknown) => (one as Error).message).join('; ');
  return error.message;
}

function remedy(error: unknown): string {
  if (error instanceof RemoteError) return error.hint;
  if (error instanceof UnstuckError) return ERRORS[error.code].fix;
  if (isConnectionLost(error)) return ERRORS.DATABASE_UNREACHABLE.fix;
  return 'Run the command again with --debug and read where it comes from.';
}
