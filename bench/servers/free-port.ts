/** Finds a TCP port for a server. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Returns a port that was free a moment ago on the loopback address. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('Expected a TCP address from the kernel.');
  server.close();
  await once(server, 'close');
  return address.port;
}
