// A producer as a process, for the race for the last slot: node racer-process.ts '{"url":…,"calls":16}'
// Prints "ready", enqueues at once so many jobs when a line comes in, and prints the outcomes as JSON.
import { once } from 'node:events';
import { Unstuck } from '../../src/index.ts';

const given = JSON.parse(process.argv[2] ?? '{}') as { url: string; calls: number };
const unstuck = await Unstuck.connect({ database: given.url, migrate: false, logLevel: 'error' });
await unstuck.enqueue('racer', {}, { slot: 'warm' }); // So that connections and statements are there when it begins.
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const calls = Array.from({ length: given.calls }, () =>
  unstuck.enqueue('racer', {}, { slot: 'last' }).then(
    () => 'stored',
    (error: { code: string }) => error.code,
  ),
);
process.stdout.write(`${JSON.stringify(await Promise.all(calls))}\n`);
await unstuck.close();
process.exit(0);
