// Starts an embedded server, asks it for its data directory, stops it, and prints the outcome as JSON:
// node embedded-once-process.ts <directory> <shared directory>
import { Client } from 'pg';
import { startEmbedded } from '../../src/storage/embedded/start-embedded.ts';

const [directory = '', sharedDirectory = ''] = process.argv.slice(2);
try {
  const server = await startEmbedded({ directory, sharedDirectory, durable: false });
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query("select current_setting('data_directory') as data");
  await client.end();
  await server.stop();
  say(rows[0]);
} catch (error) {
  const { code, message } = error as { code?: string; message?: string };
  say({ code, message });
}

function say(outcome: unknown): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
