// The laws of what the other tests stand on: shared servers, databases of their own, servers to break.
import { Client } from 'pg';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { freshDatabase, sharedServers } from './database.ts';
import { startTestServer } from './postgres.ts';

describe.for(sharedServers())('server %s', (name) => {
  test('runs the version it says', async () => {
    const shared = inject('servers').find((server) => server.name === name);
    const [row] = await query(shared?.url ?? '', 'show server_version_num');
    expect(Math.floor(Number(row?.['server_version_num']) / 10_000)).toBe(shared?.version);
  });

  test('every test gets a database that no other sees, and it goes away with its sessions', async () => {
    const [one, two] = await Promise.all([freshDatabase(name), freshDatabase(name)]);
    await query(one.url, 'create table mine ()');
    await expect(query(two.url, 'select from mine')).rejects.toMatchObject({ code: '42P01' });

    const left = new Client({ connectionString: one.url });
    left.on('error', () => {});
    await left.connect();
    await Promise.all([one.drop(), two.drop()]);
    await expect(query(one.url, 'select')).rejects.toMatchObject({ code: '3D000' });
  });

  test('a server of its own loses no commit when it is stopped at once and started again', async () => {
    const server = await startTestServer(name);
    onTestFinished(() => server.stop());
    const before = server.pid;
    await query(server.url, 'create table kept as select 42 as answer');
    await server.stopImmediate();
    expect(server.pid).toBeUndefined();
    await expect(query(server.url, 'select')).rejects.toThrow();
    await server.startAgain();
    expect(server.pid).not.toBe(before);
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });
});

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
