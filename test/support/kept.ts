// What stays in memory after the collections of young objects: V8's, which a busy process has many times a second.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

/** Runs it ten times and returns the bytes that are kept of each run, before any collection of old objects. */
export async function keptBytes(run: () => unknown): Promise<number> {
  await run();
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < 10; round += 1) await run();
  for (let round = 0; round < 3; round += 1) gc({ type: 'minor' });
  return (process.memoryUsage().heapUsed - before) / 10;
}
