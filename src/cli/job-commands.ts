/** The commands about jobs, one by one and many at once, and about what people did to many. */
import { type Add, toInteger } from './add-command.ts';
import { addFilterOptions } from './filter-options.ts';
import { addExecutions } from './link-commands.ts';

/** Adds the commands of `job`. */
export function addJobs(add: Add): void {
  addFilterOptions(
    add('list', 'list jobs, newest first', async () => (await import('./job-list.ts')).jobList),
  )
    .option('--limit <n>', '1 to 1000 (default 50)', toInteger)
    .option('--after <id>', 'go on behind this job');
  add('show <id>', 'one job with its history', async () => (await import('./job-show.ts')).jobShow)
    .option('--wait', 'wait for its end first; exit code 7 when it failed')
    .option('--timeout <duration>', 'with --wait: how long; exit code 8 when it is not finished');
  add(
    'why <id>',
    'why a job is where it is, and what happens next',
    async () => (await import('./job-why.ts')).jobWhy,
  );
  addExecutions(add);
  const change = async () => await import('./job-change.ts');
  const about = {
    cancel: 'end a live job',
    retry: 'run a finished job again',
    release: 'let a held job go',
  };
  for (const verb of ['cancel', 'retry', 'release'] as const) {
    const command = add(`${verb} <id>`, about[verb], async () => (await change())[verb]);
    command.option('--reason <text>', 'why; kept in its history');
    if (verb === 'retry') command.option('--input <input>', EDITED);
  }
}

const EDITED = 'run with this input instead: JSON, @file, or - for standard input';

/** Adds the commands of `bulk`. */
export function addBulk(add: Add): void {
  const bulk = async () => await import('./bulk.ts');
  const commands = [
    add('retry', 'run finished jobs again', async () => (await bulk()).retry).option(
      '--input <input>',
      EDITED,
    ),
    add('cancel', 'end live jobs', async () => (await bulk()).cancel),
    add('delete', 'remove jobs that do not run, for ever', async () => (await bulk()).remove),
  ];
  for (const command of commands)
    addFilterOptions(command.option('--ids <id...>', 'these jobs, instead of a filter'))
      .requiredOption('--reason <text>', 'why; kept in the audit and in the history of each job')
      .option('--dry-run', 'only say what would be changed')
      .option('--yes', 'do it without asking');
}

/** Adds the commands of `audit`. */
export function addAudit(add: Add): void {
  add(
    'list',
    'who did what to many jobs, and why; newest first',
    async () => (await import('./audit-list.ts')).auditList,
  )
    .option('--limit <n>', '1 to 1000 (default 50)', toInteger)
    .option('--after <id>', 'go on behind this entry');
}
