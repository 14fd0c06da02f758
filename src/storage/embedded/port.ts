/** Which port the server listens on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { systemCode } from './failure.ts';

/** The port of the last start if it is free now, else one that the system picks. */
export async function choosePort(portFile: string): Promise<number> {
  const last = rememberedPort(portFile);
  return (last && (await freePort(last))) ?? (await freePort(0)) ?? 0;
}

/** Keeps the port for the next start, so that a saved address goes on working. */
export function rememberPort(portFile: string, port: number): void {
  if (rememberedPort(portFile) !== port) writeFileSync(portFile, `${port}\n`);
}

function rememberedPort(portFile: string): number | undefined {
  try {
    const port = Number(readFileSync(portFile, 'utf8'));
    return port > 0 && port < 65_536 ? port : undefined;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function freePort(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) =>
      ['EADDRINUSE', 'EACCES'].includes(systemCode(error) ?? '')
        ? resolve(undefined)
        : reject(error),
    );
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
