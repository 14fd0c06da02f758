/** The commands, their arguments and options; each is loaded when it is run. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { VERSION } from '../domain/version.ts';
import { describeFailure } from './describe-failure.ts';
import { EXIT, EXIT_HELP, exitCodeOf } from './exit-codes.ts';
import { addFilterOptions } from './filter-options.ts';

/** A command: gets its options and arguments, answers with the exit code. */
type Action = (options: never, ...args: never[]) => Promise<number>;

/** Runs the command that the arguments name and resolves with the exit code; never rejects. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = build((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const debug = args.includes('--debug');
    process.stderr.write(`${describeFailure(error, debug)}\n`);
    return exitCodeOf(error);
  }
}

function build(done: (code: number) => void): Command {
  const program = new Command('unstuck')
    .description('A job queue in PostgreSQL whose jobs cannot get stuck.')
    .version(VERSION)
    .option(
      '--database <url>',
      'PostgreSQL address (default: UNSTUCK_DATABASE_URL, DATABASE_URL, then the embedded one in .unstuck)',
    )
    .option('--schema <name>', 'schema that holds everything (default: UNSTUCK_SCHEMA, unstuck)')
    .addOption(
      new Option('-o, --output <format>', 'how results are written')
        .choices(['table', 'json'])
        .default('table'),
    )
    .option('--debug', 'show stacks and debug logs')
    .addHelpText('after', '\nExit codes: unstuck help exit-codes')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride();
  const add = (name: string, about: string, load: () => Promise<Action>): Command =>
    addCommand(program, name, about, load, done);
  addProcesses(add);
  addEnqueue(add);
  addQuestions(add);
  const job = program.command('job').description('look at jobs and change them');
  addJobs((name, about, load) => addCommand(job, name, about, load, done));
  const bulk = program.command('bulk').description('change many jobs at once');
  addBulk((name, about, load) => addCommand(bulk, name, about, load, done));
  const audit = program.command('audit').description('what people did to many jobs');
  addAudit((name, about, load) => addCommand(audit, name, about, load, done));
  const schedule = program.command('schedule').description('look at schedules and change them');
  addSchedules((name, about, load) => addCommand(schedule, name, about, load, done));
  const help = program.command('exit-codes', { hidden: true }).description('what exit codes mean');
  help.helpInformation = () => `${EXIT_HELP}\n`;
  return program;
}

type Add = (name: string, about: string, load: () => Promise<Action>) => Command;

function addCommand(
  parent: Command,
  name: string,
  about: string,
  load: () => Promise<Action>,
  done: (code: number) => void,
): Command {
  const command = parent.command(name).description(about).copyInheritedSettings(parent);
  return command.action(async (...given: unknown[]) => {
    const args = given.slice(0, -2);
    const action = await load();
    done(await action(command.optsWithGlobals<never>(), ...(args as never[])));
  });
}

function addProcesses(add: Add): void {
  add(
    'start [modules...]',
    'database, worker and HTTP server in one: what you want while you develop',
    async () => (await import('./start.ts')).start,
  )
    .option('--concurrency <n>', 'handlers at once (default: UNSTUCK_CONCURRENCY, 10)', toInteger)
    .option('--name <name>', 'what people see the worker as (default: UNSTUCK_WORKER_NAME)')
    .option('--host <address>', 'address to serve (default: UNSTUCK_HOST, 127.0.0.1)')
    .option('--port <n>', 'port to serve (default: UNSTUCK_PORT, 8790)', toInteger)
    .option('--no-supervise', 'run in this very process; a dead one is not started again')
    .addOption(new Option('--supervised').hideHelp());
  add(
    'work <modules...>',
    'run the jobs whose definitions these modules export',
    async () => (await import('./work.ts')).work,
  )
    .option('--concurrency <n>', 'handlers at once (default: UNSTUCK_CONCURRENCY, 10)', toInteger)
    .option('--name <name>', 'what people see the worker as (default: UNSTUCK_WORKER_NAME)')
    .option('--no-supervise', 'run in this very process; exit code 75 asks to be started again')
    .addOption(new Option('--supervised').hideHelp());
  add(
    'migrate',
    'bring the schema up to date',
    async () => (await import('./migrate.ts')).migrate,
  ).option('--print', 'only print the SQL');
}

function addEnqueue(add: Add): void {
  add(
    'enqueue <type> [input]',
    'store a job; the input is JSON, @file, or - for standard input (default {})',
    async () => (await import('./enqueue.ts')).enqueue,
  )
    .option('--priority <n>', '-1000 to 1000, higher runs first (default 0)', toInteger)
    .option('--delay <duration>', 'not before this much time has passed, such as 10m')
    .option('--run-at <time>', 'not before this time (RFC 3339)')
    .option('--finish-by <time>', 'fails as expired when it is not finished by then (RFC 3339)')
    .option('--claim-within <duration>', 'after so long without a worker a finding says why')
    .option('--key <key>', 'at most one live job has this key')
    .option('--hold', 'wait until it is released')
    .option('--tag <tag>', 'a label; may be repeated', collect)
    .option('--wait', 'wait for its end; exit code 7 when it fails')
    .option('--timeout <duration>', 'with --wait: how long; exit code 8 when it is not finished');
}

function addQuestions(add: Add): void {
  add(
    'status',
    'counts by state and type, workers, findings; exit code 8 when a job is stuck',
    async () => (await import('./status.ts')).status,
  );
  add(
    'stuck',
    'what is past its deadline, why, and what happens next; exit code 8 when anything is',
    async () => (await import('./stuck.ts')).stuck,
  );
  add(
    'reset-stuck',
    'put jobs that have run for too long back into the queue, whatever their own timeout',
    async () => (await import('./reset-stuck.ts')).resetStuck,
  )
    .option('--timeout-minutes <n>', 'for longer than so many minutes', toNumber, 30)
    .option('--reason <text>', 'why; kept in the audit and in the history of each job');
}

function addJobs(add: Add): void {
  addFilterOptions(
    add('list', 'list jobs, newest first', async () => (await import('./job-list.ts')).jobList),
  )
    .option('--limit <n>', '1 to 1000 (default 50)', toInteger)
    .option('--after <id>', 'go on behind this job');
  add('show <id>', 'one job with its history', async () => (await import('./job-show.ts')).jobShow)
    .option('--wait', 'wait for its end first; exit code 7 when it failed')
    .option('--timeout <duration>', 'with --wait: how long; exit code 8 when it is not finished');
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

function addBulk(add: Add): void {
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

function addAudit(add: Add): void {
  add(
    'list',
    'who did what to many jobs, and why; newest first',
    async () => (await import('./audit-list.ts')).auditList,
  )
    .option('--limit <n>', '1 to 1000 (default 50)', toInteger)
    .option('--after <id>', 'go on behind this entry');
}

function addSchedules(add: Add): void {
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

function toInteger(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}

function toNumber(text: string): number {
  if (/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number from 0.');
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
