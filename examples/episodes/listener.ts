// Whoever ordered an episode, and wants to be told when it is there: a server that takes webhooks and checks their signatures.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** A webhook that came. */
export interface Told {
  /** The same for a repeat. */
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Somebody who listens. */
export interface Listener {
  /** The address of its webhook. */
  readonly url: string;
  /** What came and was signed as it should be, oldest first. */
  readonly told: readonly Told[];
  close(): Promise<void>;
}

/** Starts to listen on a free port of this machine. */
export async function startListener(secret: string): Promise<Listener> {
  const told: Told[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      try {
        const { headers } = request;
        const text = Buffer.concat(parts).toString('utf8');
        const body = new Webhook(secret).verify(text, headers as Record<string, string>);
        told.push({ id: String(headers['webhook-id']), body: body as Told['body'] });
        response.writeHead(204).end();
      } catch {
        response.writeHead(401).end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/episodes`,
    told,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
