// A process that holds an embedded server, for tests that end it: node embedded-owner-process.ts <directory>
// Prints one line of JSON per event; leaves on the line "stop" and, after a drain that needs the database, on SIGINT.
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { startEmbedded } from '../../src/storage/embedded/start-embedded.ts';

const directory = process.argv[2] ?? '';
const server = await startEmbedded({ directory, durable: false });
const client = new Client({ connectionString: server.url });
client.on('error', () => {});
await client.connect();

process.once('SIGINT', () => void leave(drain));
createInterface({ input: process.stdin }).once('line', () => void leave());
say({ event: 'started', pid: server.postmasterPid, url: server.url, adopted: server.adopted });

async function leave(before?: () => Promise<void>): Promise<void> {
  await before?.();
  await client.end();
  await server.stop();
  say({ event: 'left' });
  process.exit(0);
}

/** Uses the session from before the signal, as a worker does that settles its last jobs. */
async function drain(): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    await client.query('select');
    await pause(50);
  }
  say({ event: 'drained' });
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
