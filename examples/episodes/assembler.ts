// The remote worker: a process of its own, which knows of Unstuck only what comes over HTTP. It assembles episodes out of segments.
//   ASSEMBLER_SECRET=whsec_… ASSEMBLER_DIRECTORY=/var/lib/assembler ASSEMBLER_PORT=8791 node assembler.ts
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answer } from './assembler/answers.ts';
import { Workshop } from './assembler/workshop.ts';

const STOP_MS = 1_000;

const { ASSEMBLER_SECRET: secret = '', ASSEMBLER_DIRECTORY: directory = 'assembler' } = process.env;
const port = Number(process.env['ASSEMBLER_PORT'] ?? 8791);
if (secret === '') throw new Error('Expected ASSEMBLER_SECRET, got none.');

const workshop = await Workshop.open(directory);
const server = createServer((request, response) => {
  answer(request, response, workshop, secret).catch((error: unknown) => {
    console.error('event=request_failed', `error=${JSON.stringify(String(error))}`);
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end();
  });
});
server.listen(port, '127.0.0.1', () => {
  const { port: listening } = server.address() as AddressInfo;
  console.log(`event=assembler_ready url=http://127.0.0.1:${listening}`);
  process.send?.({ ready: listening });
});

/** What is left is on the disk, so nothing is waited for but the answers that are on their way. */
const stop = (): void => {
  workshop.close();
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), STOP_MS).unref();
};
process.once('SIGINT', stop).once('SIGTERM', stop);
// Whoever started it is gone, killed perhaps.
process.once('disconnect', stop);
