// A database with the audit of a chaos test, somebody who enqueues, and the means to wait without sleeping blindly.
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import { Unstuck } from '../../src/index.ts';
import { freshDatabase } from '../support/database.ts';
import { startTestServer, type TestServer } from '../support/postgres.ts';
import { Crew, type CrewOptions } from './crew.ts';
import { AUDIT } from './history.ts';

/** What a chaos test works with. */
export interface Arena {
  readonly url: string;
  readonly unstuck: Unstuck;
  /** A direct connection of the test. */
  readonly client: Client;
  /** Starts workers that are ended with the test. */
  readonly crew: (count: number, options?: Partial<CrewOptions>) => Promise<Crew>;
}

/** An arena on the shared server, for tests that break processes only. */
export async function arena(): Promise<Arena> {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  return open(database.url);
}

/** An arena on a server of its own, for tests that break the server or its connections. */
export async function ownArena(): Promise<Arena & { readonly server: TestServer }> {
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  return { ...(await open(server.url)), server };
}

async function open(url: string): Promise<Arena> {
  const unstuck = await Unstuck.connect({ database: url, logLevel: 'error' });
  onTestFinished(() => unstuck.close());
  const client = await connect(url);
  await client.query(AUDIT);
  return {
    url,
    unstuck,
    client,
    async crew(count, options = {}) {
      const crew = await Crew.start(count, { url, ...options });
      onTestFinished(() => crew.end());
      return crew;
    },
  };
}

/** Connects a client of the test, which is closed with it. */
export async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'test' });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  return client;
}

/** Asks until the answer is true; rejects after `withinMs`. */
export async function until(
  what: string,
  withinMs: number,
  ask: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await ask())) {
    if (performance.now() > end) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await pause(25);
  }
}
