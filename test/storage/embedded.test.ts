// The laws of one embedded server: its data stays, its doors are closed, and what is wrong is said.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openPlace } from '../../src/storage/embedded/place.ts';
import { serverState } from '../../src/storage/embedded/server-process.ts';
import { query, runningOn, seedDirectories, setup } from './embedded-setup.ts';

seedDirectories();

describe('the data', () => {
  test('a second start finds its data again, at the same address', async () => {
    const { start } = setup();
    const first = await start();
    await query(first.url, 'create table kept as select 42 as answer');
    await first.stop();

    const second = await start();
    expect(second.url).toBe(first.url);
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test.for(['immediate', 'sigkill'] as const)(
    'a committed row survives the kill %s',
    async (how) => {
      const { start } = setup();
      const server = await start();
      await query(server.url, 'create table kept as select 42 as answer');
      await server.kill(how);
      expect(server.postmasterPid).toBeUndefined();
      await server.restart();
      expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    },
  );

  test('commits are durable unless told not to be', async () => {
    const shown =
      "select string_agg(setting, ' ' order by name) as is from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit')";
    const { start } = setup();
    const durable = await start({ durable: true });
    expect(await query(durable.url, shown)).toEqual([{ is: 'on on on' }]);
    await durable.stop();
    const fast = await start({ maxConnections: 33 });
    expect(await query(fast.url, shown)).toEqual([{ is: 'off off on' }]);
    expect(await query(fast.url, 'show max_connections')).toEqual([{ max_connections: '33' }]);
  });
});

describe('stop and restart', () => {
  test('stop ends a server that clients still use, and can be called again', async () => {
    const { directory, start } = setup();
    const server = await start();
    const client = await connected(server.url);
    await client.query('begin');
    await server.stop();
    await server.stop();
    expect(server.postmasterPid).toBeUndefined();
    await expect.poll(() => runningOn(directory)).toEqual([]);
    expect(() => server.restart()).toThrow(/was stopped/);
  });

  test('restart makes a new server at the same address', async () => {
    const { start } = setup();
    const server = await start();
    const before = server.postmasterPid;
    await server.restart();
    expect(server.postmasterPid).not.toBe(before);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('a server that dies while it is held is revived at the same address', async () => {
    const { start } = setup();
    const server = await start();
    const before = server.postmasterPid ?? 0;
    process.kill(before, 'SIGKILL');
    await expect.poll(() => answers(server.url), { timeout: 15_000 }).toBe(true);
    expect(server.postmasterPid).not.toBe(before);
  });
});

describe('what an earlier server left', () => {
  test('a leftover postmaster.pid of a dead server does not stop the start', async () => {
    const { start } = setup();
    const server = await start();
    await server.kill('sigkill');
    expect(existsSync(join(server.dataDirectory, 'postmaster.pid'))).toBe(true);
    await server.stop();
    expect(await query((await start()).url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('a server that has ended and was not reaped yet keeps its postmaster.pid: its backends may still write', async () => {
    const { directory } = setup({ empty: true });
    // A parent that stops itself never reaps its child.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; kill -STOP $$']);
    onTestFinished(() => void parent.kill('SIGKILL'));
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    const file = join(directory, 'postmaster.pid');
    writeFileSync(file, `${pid}\n${directory}\n0\n5432\n`);
    await expect.poll(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBe('');
    expect(serverState(directory)).toBeUndefined();
    expect(existsSync(file)).toBe(true);
  });

  test('a leftover postmaster.pid whose number is by now another program does not stop the start', async () => {
    const { directory, start } = setup();
    const server = await start();
    await server.kill('sigkill');
    await server.stop();
    const file = join(server.dataDirectory, 'postmaster.pid');
    const other = spawn('sleep', ['60'], { ...openPlace(directory).user, stdio: 'ignore' });
    onTestFinished(() => void other.kill());
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(other.pid)));
    expect(await query((await start()).url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(other.exitCode).toBeNull();
  });

  test('a data directory that initdb did not finish is no data directory', async () => {
    const { directory, start } = setup({ empty: true });
    const dead = spawnSync('true').pid;
    mkdirSync(join(directory, `data.new-${dead}-abcdef`));
    await start();
    expect(existsSync(join(directory, `data.new-${dead}-abcdef`))).toBe(false);
  });
});

describe('who can get in', () => {
  test('the password is only in a file that others cannot read, and a wrong one is refused', async () => {
    const { start } = setup();
    const server = await start();
    const file = statSync(join(server.dataDirectory, 'unstuck.password'));
    expect(file.mode & 0o777).toBe(0o600);
    expect(statSync(server.dataDirectory).mode & 0o777).toBe(0o700);
    const wrong = server.url.replace(/:[0-9a-f]+@/, ':wrong@');
    await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    await expect(query(server.url.replace(/:[0-9a-f]+@/, '@'), 'select 1')).rejects.toThrow();
  });

  test('it listens on 127.0.0.1 only, and its log and command line do not tell the password', async () => {
    const { directory, start } = setup();
    const server = await start();
    const doors = await query(
      server.url,
      "select string_agg(setting, ',' order by name) as is from pg_settings where name in ('listen_addresses', 'unix_socket_directories')",
    );
    expect(doors).toEqual([{ is: '127.0.0.1,' }]);
    const password = /:([0-9a-f]{48})@/.exec(server.url)?.[1] ?? 'none';
    expect(readFileSync(server.logFile, 'utf8')).not.toContain(password);
    expect(runningOn(directory).join('\n')).not.toContain(password);
  });
});

describe('what is wrong is said', () => {
  test('data of another version is refused and left alone', async () => {
    const { start } = setup();
    const server = await start();
    await server.stop();
    const file = join(server.dataDirectory, 'PG_VERSION');
    writeFileSync(file, '17\n');
    await expect(start()).rejects.toMatchObject({ code: 'EMBEDDED_DATA_VERSION' });
    expect(readFileSync(file, 'utf8')).toBe('17\n');
  });

  test('a directory of other files is not taken for data', async () => {
    const { directory, start } = setup({ empty: true });
    mkdirSync(join(directory, 'data'));
    writeFileSync(join(directory, 'data', 'letter.txt'), 'dear');
    await expect(start()).rejects.toMatchObject({ code: 'EMBEDDED_POSTGRES_FAILED' });
    expect(readFileSync(join(directory, 'data', 'letter.txt'), 'utf8')).toBe('dear');
  });

  test('a port that was asked for and is taken is an error, one that was remembered is given up', async () => {
    const { start } = setup();
    const first = await start();
    await first.stop();
    const holder = createServer().listen(first.port, '127.0.0.1');
    onTestFinished(() => void holder.close());
    await once(holder, 'listening');
    await expect(start({ port: first.port })).rejects.toThrow(/taken by another program/);
    const second = await start();
    expect(second.port).not.toBe(first.port);
  });

  test('a server that cannot start says why, from its log', async () => {
    const { start } = setup();
    const server = await start();
    await server.stop();
    writeFileSync(join(server.dataDirectory, 'postgresql.auto.conf'), 'nonsense = 1\n');
    await expect(start()).rejects.toThrow(/unrecognized configuration parameter "nonsense"/);
  });
});

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function answers(url: string): Promise<boolean> {
  return await query(url, 'select').then(
    () => true,
    () => false,
  );
}
