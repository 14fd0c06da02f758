// The laws of sharing: several processes hold one embedded server, and it ends with the last of them, however that ends.
import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { processExists } from '../../src/storage/embedded/server-process.ts';
import { query, runningOn, seedDirectories, setup } from './embedded-setup.ts';

seedDirectories();

describe('sharing', () => {
  test('two processes share one embedded server and the last one out stops it', async () => {
    const { directory, owner } = setup();
    const first = owner();
    const one = await first.started();
    const second = owner();
    const two = await second.started();
    expect(two).toMatchObject({ pid: one.pid, url: one.url, adopted: true });

    await first.leave();
    expect(await query(two.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.leave();
    expect(processExists(one.pid)).toBe(false);
    await expect.poll(() => runningOn(directory)).toEqual([]);
  });

  test('processes that start at the same moment on an empty directory share one server', async () => {
    const { directory, owner } = setup({ empty: true });
    const three = [owner(), owner(), owner()];
    const started = await Promise.all(three.map((each) => each.started()));
    expect(new Set(started.map(({ pid }) => pid)).size).toBe(1);
    expect(new Set(started.map(({ url }) => url)).size).toBe(1);
    expect(started.filter(({ adopted }) => !adopted)).toHaveLength(1);
    await Promise.all(three.map((each) => each.leave()));
    await expect.poll(() => runningOn(directory)).toEqual([]);
  });

  test('nobody joins a server that is about to be stopped', async () => {
    const { start } = setup();
    for (let round = 0; round < 10; round += 1) {
      const leaving = await start();
      const [, joined] = await Promise.all([leaving.stop(), start()]);
      expect(await query(joined.url, 'select 1 as one')).toEqual([{ one: 1 }]);
      await joined.stop();
    }
  });
});

describe('death of an owner', () => {
  test('kill -9 of the only owner leaves no server behind, and the next start finds the data', async () => {
    const { directory, owner, start } = setup();
    const killed = owner();
    const { pid, url } = await killed.started();
    await query(url, 'create table kept as select 42 as answer');
    await killed.kill9();
    await expect.poll(() => processExists(pid), { timeout: 10_000 }).toBe(false);
    await expect.poll(() => runningOn(directory)).toEqual([]);
    expect(await query((await start()).url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('kill -9 of one owner leaves the server to the other', async () => {
    const { owner } = setup();
    const killed = owner();
    const { pid } = await killed.started();
    const other = owner();
    const { url } = await other.started();
    await killed.kill9();
    await other.leave();
    expect(processExists(pid)).toBe(false);
    await expect(query(url, 'select 1')).rejects.toThrow();
  });

  test('kill -9 in the middle of a start leaves nothing that stops the next one', async () => {
    const { directory, owner, start } = setup({ empty: true });
    for (const ms of [250, 450, 650, 850, 1_050, 1_250]) {
      const killed = owner();
      await pause(ms);
      await killed.kill9();
    }
    expect(await query((await start()).url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await expect.poll(() => runningOn(directory).length, { timeout: 10_000 }).toBe(3);
  });
});

describe('death of the keeper', () => {
  test('a server whose keeper was killed is joined by the next start and stopped by the last one out', async () => {
    const { directory, owner } = setup();
    const first = owner();
    const { pid } = await first.started();
    killKeepers(directory);
    const second = owner();
    expect(await second.started()).toMatchObject({ pid, adopted: true });
    await first.kill9();
    expect(processExists(pid)).toBe(true);
    await second.kill9();
    await expect.poll(() => processExists(pid), { timeout: 10_000 }).toBe(false);
  });

  test('an owner whose keeper was killed stops the server itself', async () => {
    const { directory, owner } = setup();
    const only = owner();
    await only.started();
    killKeepers(directory);
    await only.leave();
    expect(runningOn(directory)).toEqual([]);
  });
});

describe('Ctrl-C', () => {
  test('SIGINT to the process group does not reach the database before the drain', async () => {
    const { directory, owner } = setup();
    const only = owner();
    await only.started();
    only.pressControlC();
    await only.event('drained');
    await only.event('left');
    await expect.poll(() => runningOn(directory)).toEqual([]);
  });
});

function killKeepers(directory: string): void {
  const keepers = runningOn(directory).filter((line) => line.includes('unstuck-keeper'));
  const pids = keepers.map((line) => String(Number.parseInt(line, 10)));
  expect(pids).not.toEqual([]);
  spawnSync('kill', ['-9', ...pids]);
}
