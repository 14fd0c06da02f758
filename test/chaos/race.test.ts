// A2: 64 writers in four processes race for the last slot of a pool.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { arena, until } from './setup.ts';

const SCRIPT = fileURLToPath(new URL('./racer-process.ts', import.meta.url));

test('64 writers in 4 processes race for the last slot: one wins, the others are told why', async () => {
  const { url, unstuck } = await arena();
  await unstuck.pools.set('warm', { capacity: 4 });
  await unstuck.pools.set('last', { capacity: 3 });
  for (let n = 0; n < 2; n += 1) await unstuck.enqueue('racer', {}, { slot: 'last' });
  const racers = Array.from({ length: 4 }, () => race(url));
  await until('all are ready', 30_000, () => racers.every(({ out }) => out().includes('ready')));
  for (const { child } of racers) child.stdin.write('go\n');
  await Promise.all(racers.map(({ ended }) => ended));
  const outcomes = racers.flatMap(
    ({ out }) => JSON.parse(out().split('\n')[1] ?? '[]') as string[],
  );
  expect(outcomes).toHaveLength(64);
  expect(outcomes.filter((one) => one === 'stored')).toHaveLength(1);
  expect(outcomes.filter((one) => one === 'SLOTS_EXHAUSTED')).toHaveLength(63);
  expect(await unstuck.pools.get('last')).toMatchObject({ capacity: 3, reserved: 3 });
}, 60_000);

/** Starts one of the processes. */
function race(url: string) {
  const child = spawn(
    process.execPath,
    ['--conditions=unstuck-source', SCRIPT, JSON.stringify({ url, calls: 16 })],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (piece) => {
    text += String(piece);
  });
  return { child, ended: once(child, 'exit'), out: () => text };
}
