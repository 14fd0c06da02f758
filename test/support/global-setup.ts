// What the `database` tests share: one server per version, started before the first test, stopped after the last.
import type { TestProject } from 'vitest/node';
import { availableServers, type ServerName, startTestServer, type TestServer } from './postgres.ts';
import { makeTemplate } from './template.ts';

/** A server that the tests share: only `freshDatabase` should care. */
export interface SharedServer {
  readonly name: ServerName;
  readonly version: number;
  readonly url: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    servers: SharedServer[];
  }
}

/** Starts the servers with their migrated templates and answers how to stop them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const names = availableServers();
  const started = await Promise.allSettled(names.map((name) => start(name)));
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  const failed = started.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  project.provide(
    'servers',
    servers.map(({ name, version, url }) => ({ name, version, url })),
  );
  return stop;
}

async function start(name: ServerName): Promise<TestServer> {
  const server = await startTestServer(name);
  try {
    await makeTemplate(server.url, server.version);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}
