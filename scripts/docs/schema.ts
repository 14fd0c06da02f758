// docs/generated/schema.sql: the migrated schema as PostgreSQL describes it, without the partitions of single days.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Unstuck } from '../../src/index.ts';
import { embeddedBinaries } from '../../src/storage/embedded/binaries.ts';
import { openPlace } from '../../src/storage/embedded/place.ts';
import { startServer } from '../../src/storage/embedded/start-server.ts';
import { SCHEMA_QUERIES } from './schema-queries.ts';

/** Renders the page, on an embedded PostgreSQL of its own. */
export async function renderSchema(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'unstuck-docs-'));
  try {
    // mkdtemp gives 0700, and as root the server runs as another user.
    await chmod(directory, 0o755);
    const place = openPlace(directory);
    const settings = { directory, durable: false, revive: false };
    const server = await startServer(place, embeddedBinaries(place), settings);
    try {
      return await describe(server.url);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function describe(url: string): Promise<string> {
  const unstuck = await Unstuck.connect({ database: url, schema: 'unstuck', logLevel: 'error' });
  await unstuck.close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('set search_path = unstuck');
    const parts: string[] = [];
    for (const { title, text } of SCHEMA_QUERIES) {
      const { rows } = await client.query<{ line: string }>(text);
      const lines = rows.map(({ line }) => line.trimEnd()).join('\n\n');
      parts.push(`-- ${title}\n\n${lines === '' ? '-- none' : lines}\n`);
    }
    return `${HEAD}\n${parts.join('\n')}`;
  } finally {
    await client.end();
  }
}

const HEAD = `-- The schema "unstuck" after all migrations, as PostgreSQL 18 describes it. Written by \`npm run docs\` from src/sql/migrations: change that.
-- The days of finished, attempts and events are partitions that the engine makes a week ahead and drops; they are left out here.
`;
