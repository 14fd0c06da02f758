// What runs beside the workers of this example when somebody tries it out: the assembler, and the provider of SMS, on this machine.
import type { Beside } from '../example.ts';
import { startAssembler } from './assembler-process.ts';
import { assemblerAt, IN_A_HURRY } from './assembler-target.ts';
import { smsAccount, startSmsProvider } from './sms-provider.ts';

const AWAY_MS = 20_000;

/** Starts the assembler, which keeps its orders and files below this directory; on a free port unless one is given. When it dies it is started again twenty seconds later. */
export async function startBeside(directory: string, port = 0): Promise<Beside> {
  const assembler = await startAssembler({ directory, port, reviveMs: AWAY_MS });
  const provider = await startSmsProvider(smsAccount, ({ to, body }) =>
    console.error(`SMS to ${to}: ${body.replaceAll('\n', ' ')}`),
  );
  return {
    targets: [assemblerAt(assembler.url, IN_A_HURRY)],
    env: { ASSEMBLER_URL: assembler.url, SMS_API_URL: provider.url },
    stop: async () => {
      await Promise.all([assembler.stop(), provider.close()]);
    },
  };
}
