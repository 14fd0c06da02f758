/** The commands about schedules. */
import type { Command } from 'commander';
import { type Add, collect, toInteger } from './add-command.ts';

/** Adds the commands of `schedule`. */
export function addSchedules(add: Add): void {
  add(
    'list',
    'list schedules, by name',
    async () => (await import('./schedule-list.ts')).scheduleList,
  )
    .option('--limit <n>', '1 to 1000 (default 1000)', toInteger)
    .option('--after <name>', 'go on behind this schedule');
  add(
    'show <name>',
    'one schedule with everything that is known of it',
    async () => (await import('./schedule-show.ts')).scheduleShow,
  );
  const set = add(
    'set <name> <type> [input]',
    'store a schedule, or change what differs; the input is JSON, @file, or - (default {})',
    async () => (await import('./schedule-set.ts')).scheduleSet,
  );
  addRule(set)
    .option('--missed <policy>', 'of times that nobody swept: skip, once or all (default once)')
    .option('--missed-max <n>', 'with --missed all: the latest so many (default 100)', toInteger)
    .option('--overlap <policy>', 'while a run is live: skip, allow or replace (default skip)')
    .option('--priority <n>', '-1000 to 1000, higher runs first (default 0)', toInteger)
    .option('--claim-within <duration>', 'after so long without a worker a finding says why')
    .option('--tag <tag>', 'a label of its jobs; may be repeated', collect);
  const preview = add(
    'preview [name]',
    'the next runs of a schedule, or of a rule, with what daylight saving does to them',
    async () => (await import('./schedule-preview.ts')).schedulePreview,
  );
  addRule(preview)
    .option('--count <n>', '1 to 1000 (default 10)', toInteger)
    .option('--from <time>', 'after this time (RFC 3339; default now)');
  const change = async () => await import('./schedule-change.ts');
  const why = ['--reason <text>', 'why; kept in its history'] as const;
  add('pause <name>', 'fire nothing', async () => (await change()).pause)
    .option('--until <time>', 'until this time (RFC 3339; default until it is resumed)')
    .option(...why);
  add('resume <name>', 'end a pause', async () => (await change()).resume).option(...why);
  add('run <name>', 'run it once, now', async () => (await change()).run).option(...why);
  add('delete <name>', 'delete it; its jobs go on', async () => (await change()).remove).option(
    ...why,
  );
}

function addRule(command: Command): Command {
  return command
    .option('--cron <expression>', "minute, hour, day, month, weekday, such as '30 2 * * *'")
    .option('--every <duration>', 'an interval such as 15m')
    .option('--timezone <zone>', 'in which --cron is read, such as Europe/Berlin (default UTC)')
    .option('--anchor <time>', 'from which --every is counted (RFC 3339; default when it was set)');
}
