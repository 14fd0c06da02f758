/** The commands about bridges: Redis lists whose messages become jobs. */
import { type Add, collect, toInteger } from './add-command.ts';

/** Adds the commands of `redis`. */
export function addRedis(add: Add): void {
  const why = ['--reason <text>', 'why; kept in the audit'] as const;
  add('list', 'list bridges, by name', async () => (await import('./redis-look.ts')).redisList)
    .option('--limit <n>', '1 to 1000 (default 1000)', toInteger)
    .option('--after <name>', 'go on behind this bridge');
  add(
    'show <bridge>',
    'one bridge with everything that is known of it',
    async () => (await import('./redis-look.ts')).redisShow,
  );
  add(
    'dead <bridge>',
    'list dead messages, the oldest first, or put them back, or delete them; needs UNSTUCK_REDIS_URL or --url',
    async () => (await import('./redis-dead.ts')).redisDead,
  )
    .option('--limit <n>', 'at most so many, 1 to 1000 (default 50)', toInteger)
    .option('--after <position>', 'go on behind this one', toInteger)
    .option('--digest <digest>', 'only this one of them; may be repeated', collect)
    .option('--requeue', 'put them back into the list, as they came')
    .option('--delete', 'delete them')
    .option(...why);
  add(
    'delete <bridge>',
    'forget a bridge that is not run any more; its lists stay',
    async () => (await import('./redis-dead.ts')).redisDelete,
  ).option(...why);
}
