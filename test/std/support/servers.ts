// Servers of one test: of HTTP, of HTTPS with the certificate for localhost, and of bare TCP that says whatever the test says.
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { onTestFinished } from 'vitest';

/** The certificate of `secureServer`, its own authority, for localhost and worker.test until 2120. */
export const CERTIFICATE = fixture('localhost-certificate.pem');

/** Where a server listens, and the connections that it has open. */
export interface Served {
  readonly port: number;
  /** Every connection that was made, also those that are closed. */
  readonly sockets: readonly Socket[];
}

/** Serves HTTP on 127.0.0.1. */
export function httpServer(answer: RequestListener): Promise<Served> {
  return served(createServer(answer), 'connection');
}

/** Serves HTTPS on 127.0.0.1. */
export function secureServer(answer: RequestListener): Promise<Served> {
  const options = { cert: CERTIFICATE, key: fixture('localhost-key.pem') };
  return served(createSecureServer(options, answer), 'secureConnection');
}

/** Serves bare TCP on 127.0.0.1; `onBytes` gets every piece that comes, with how many came before on its connection. */
export function tcpServer(onBytes: (socket: Socket, piece: number) => void): Promise<Served> {
  const server = createTcpServer((socket) => {
    let piece = 0;
    socket.on('data', () => onBytes(socket, piece++));
  });
  return served(server, 'connection');
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function served(server: Server, event: string): Promise<Served> {
  const sockets: Socket[] = [];
  const bare: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    bare.push(socket);
    socket.on('error', () => {});
  });
  server.on(event, (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  const port = await listening(server);
  onTestFinished(() => {
    server.close();
    for (const socket of bare) socket.destroy();
  });
  return { port, sockets };
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
}

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');
}
