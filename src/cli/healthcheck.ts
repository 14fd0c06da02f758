/** `unstuck healthcheck`: asks a server on this machine whether it is well, for images without curl. */
import { unstuckError } from '../domain/errors.ts';
import { parseOption } from '../domain/parse-option.ts';
import { SERVE_OPTIONS } from '../domain/serve-options.ts';
import { EXIT } from './exit-codes.ts';

/** What is asked. */
export interface HealthcheckOptions {
  /** Only whether it lives, without its database. */
  readonly live?: boolean;
}

const ANSWER_MS = 5_000;

/** Runs the command: exit code 0 when it is well, 1 when it is not or does not answer within 5 s. */
export async function healthcheck(
  { live = false }: HealthcheckOptions,
  address?: string,
): Promise<number> {
  const probe = `${baseOf(address)}/${live ? 'livez' : 'readyz'}`;
  try {
    const answer = await fetch(probe, { signal: AbortSignal.timeout(ANSWER_MS) });
    await answer.body?.cancel();
    process.stdout.write(answer.ok ? 'ok\n' : `not ok: ${answer.status} from ${probe}\n`);
    return answer.ok ? EXIT.ok : EXIT.failed;
  } catch (error) {
    const { cause, message } = error as Error;
    const why = cause instanceof Error ? cause.message || message : message;
    process.stdout.write(`not ok: no answer from ${probe}: ${why}\n`);
    return EXIT.failed;
  }
}

/** The given address, else where a server of this environment listens. */
function baseOf(address: string | undefined): string {
  if (address !== undefined) return checkAddress(address);
  const host = parseOption('host', SERVE_OPTIONS.host, undefined, process.env) as string;
  const port = parseOption('port', SERVE_OPTIONS.port, undefined, process.env) as number;
  const reached = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}

function checkAddress(address: string): string {
  if (/^https?:\/\/[^\s?#]+$/.test(address)) return address.replace(/\/+$/, '');
  throw unstuckError(
    'OPTION_INVALID',
    `Expected an address such as http://127.0.0.1:8790, got ${JSON.stringify(address.slice(0, 80))}.`,
    { detail: { option: 'url' } },
  );
}
