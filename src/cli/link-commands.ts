/** The commands about what ties jobs together or keeps them waiting: pools, limits, queues, types, targets. */
import { Option } from 'commander';
import { type Add, toInteger } from './add-command.ts';

/** Adds the commands of `pool`. */
export function addPools(add: Add): void {
  const look = async () => await import('./pool-look.ts');
  const change = async () => await import('./pool-change.ts');
  add('list', 'list pools, by key', async () => (await look()).poolList)
    .option('--limit <n>', '1 to 1000 (default 100)', toInteger)
    .option('--after <key>', 'go on behind this pool');
  add('show <key>', 'one pool', async () => (await look()).poolShow);
  add(
    'set <key>',
    'make a pool, or change how many slots it has',
    async () => (await change()).poolSet,
  ).requiredOption('--capacity <n>', '0 to 1000000', toInteger);
  add(
    'delete <key>',
    'delete a pool that no live job names',
    async () => (await change()).poolDelete,
  );
  add(
    'check',
    'pools whose rows do not fit together; exit code 8 when there are any',
    async () => (await look()).poolCheck,
  );
  add(
    'repair',
    'mend what a hand has broken, and say what was changed',
    async () => (await change()).poolRepair,
  );
}

/** Adds the commands of `limit`. */
export function addLimits(add: Add): void {
  const look = async () => await import('./limit-look.ts');
  const change = async () => await import('./limit-change.ts');
  add('list', 'list limits, by name', async () => (await look()).limitList);
  add('show <name>', 'one limit and its fullest keys', async () => (await look()).limitShow);
  add(
    'set <name>',
    'set both amounts of a limit (one that is left out is not limited), whatever the code says',
    async () => (await change()).limitSet,
  )
    .option('--running <n>', 'so many jobs of a key in the queue or running at once', toInteger)
    .option(
      '--rate <count/duration>',
      'so many jobs of a key enter the queue within a time: 10/1m',
    );
  add(
    'delete <name>',
    'delete a limit at which no live job counts',
    async () => (await change()).limitDelete,
  );
}

/** Adds the commands of `queue`. */
export function addQueues(add: Add): void {
  const look = async () => await import('./queue-look.ts');
  const change = async () => await import('./queue-change.ts');
  add('list', 'list queues with their counts, by name', async () => (await look()).queueList);
  add('show <name>', 'one queue', async () => (await look()).queueShow);
  addPause(
    add,
    'start no further job of a queue, in any process',
    async () => (await change()).queuePause,
  );
  add('resume <name>', 'start jobs again', async () => (await change()).queueResume);
  add('pauses', 'what is paused, queues and types', async () => (await look()).queuePauses);
  add(
    'next <name>',
    'let the next job of a sequential queue in, and say what was done',
    async () => (await change()).queueNext,
  );
  add(
    'drain <name>',
    'wait until nothing of a queue runs or waits, beside what is held or for later',
    async () => (await import('./queue-drain.ts')).queueDrain,
  ).option('--timeout <duration>', 'how long; exit code 8 when something is left');
}

/** Adds the commands of `type`. */
export function addTypes(add: Add): void {
  const change = async () => await import('./queue-change.ts');
  addPause(
    add,
    'start no further job of one type, in any process',
    async () => (await change()).typePause,
  );
  add('resume <name>', 'start jobs again', async () => (await change()).typeResume);
}

/** Adds the commands of `target`. */
export function addTargets(add: Add): void {
  const look = async () => await import('./target-look.ts');
  const change = async () => await import('./target-change.ts');
  add(
    'list',
    'list remote workers, how each stands and what waits for it',
    async () => (await look()).targetList,
  );
  add('show <name>', 'one remote worker', async () => (await look()).targetShow);
  add(
    'probe <name>',
    'ask it now whether it is there; exit code 8 when it does not answer',
    async () => (await change()).targetProbe,
  );
  addPause(
    add,
    'send it nothing, and ask it nothing; its jobs wait',
    async () => (await change()).targetPause,
  );
  add(
    'resume <name>',
    'send it jobs again, those that wait not in one burst',
    async () => (await change()).targetResume,
  ).option('--reason <text>', 'why; kept in the history');
}

/** Adds `executions` to the commands of `job`. */
export function addExecutions(add: Add): void {
  add(
    'executions <id>',
    'how the work of a fan-out stands: counts, and its executions in the order of the plan',
    async () => (await import('./job-executions.ts')).jobExecutions,
  )
    .addOption(
      new Option('--state <state>', 'only executions in this state').choices([
        'pending',
        'queued',
        'running',
        'completed',
        'failed',
        'cancelled',
        'missing',
      ]),
    )
    .option('--limit <n>', '1 to 1000 (default 100)', toInteger)
    .option('--after <ordinal>', 'go on behind this execution', toInteger);
}

function addPause(add: Add, about: string, load: Parameters<Add>[2]): void {
  add('pause <name>', about, load)
    .requiredOption('--reason <text>', 'why; shown wherever somebody asks why jobs wait')
    .option('--until <time>', 'until this time (RFC 3339; default until it is resumed)');
}
