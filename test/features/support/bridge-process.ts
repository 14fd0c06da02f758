// A process that runs the bridge of the tests and dies where it is told to: node bridge-process.ts '{"url":…,"redis":…,"die":…}'
import { Enqueuer } from '../../../src/engine/enqueuer.ts';
import { RedisConnection } from '../../../src/features/redis/redis-connection.ts';
import { TAKE } from '../../../src/features/redis/scripts.ts';
import { Unstuck } from '../../../src/index.ts';
import { ordersBridge } from './bridge-world.ts';

/** What the process is told on its command line. */
export interface BridgeArguments {
  readonly url: string;
  readonly redis: string;
  /** Where it ends in its second batch: before the jobs are stored, or after that, before Redis is told. */
  readonly die?: 'before-commit' | 'before-removal';
  /** Whether it is killed there, or frozen. */
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
  /** A safeguard that is taken out, so that a test can show that it would notice. */
  readonly mutant?: BridgeMutant;
}

/** Messages are removed as soon as they are taken; a job that is there already, or has ended, is stored again. */
export type BridgeMutant = 'remove-before-commit' | 'no-dedup';

const given = JSON.parse(process.argv[2] ?? '{}') as BridgeArguments;
mutate(given.mutant);
dieAt(given.die);
const unstuck = await Unstuck.connect({ database: given.url, migrate: false, logLevel: 'warn' });
const bridge = ordersBridge(given.redis, {
  batch: 50,
  id: (message) => (message as { id?: string }).id,
});
await unstuck.redis.start(bridge);
process.once('SIGTERM', () => void unstuck.close().then(() => process.exit(0)));
// When the test run is gone, so is the pipe: nobody else would end this process.
process.stdin.resume().once('close', () => process.exit(1));
process.stdout.write('ready\n');

function dieAt(where: BridgeArguments['die']): void {
  let batches = 0;
  if (where === 'before-commit') {
    const once: Enqueuer['enqueueOnce'] = Reflect.get(Enqueuer.prototype, 'enqueueOnce');
    Enqueuer.prototype.enqueueOnce = function dying(jobs) {
      batches += 1;
      if (batches === 2) process.kill(process.pid, given.signal ?? 'SIGKILL');
      return once.call(this, jobs);
    };
  }
  if (where === 'before-removal') {
    const command: RedisConnection['command'] = Reflect.get(RedisConnection.prototype, 'command');
    RedisConnection.prototype.command = function dying(args, withinMs) {
      if (args[0] === 'HDEL') batches += 1;
      if (batches === 2) process.kill(process.pid, given.signal ?? 'SIGKILL');
      return command.call(this, args, withinMs);
    };
  }
}

function mutate(mutant: BridgeArguments['mutant']): void {
  if (mutant === 'no-dedup') {
    const all: Enqueuer['enqueueAll'] = Reflect.get(Enqueuer.prototype, 'enqueueAll');
    Enqueuer.prototype.enqueueOnce = all;
  }
  if (mutant === 'remove-before-commit') {
    const run: RedisConnection['run'] = Reflect.get(RedisConnection.prototype, 'run');
    RedisConnection.prototype.run = async function removing(script, keys, args) {
      const reply = await run.call(this, script, keys, args);
      if (script === TAKE) await this.command(['DEL', keys[1] ?? '']);
      return reply;
    };
  }
}
