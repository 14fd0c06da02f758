/** The commands, their arguments and options; each is loaded when it is run. */
import { Command, CommanderError, Option } from 'commander';
import { LOG_OPTIONS } from '../domain/log-options.ts';
import { OPTIONS } from '../domain/options.ts';
import { VERSION } from '../domain/version.ts';
import { type Add, addTo, collect, toInteger, toNumber } from './add-command.ts';
import { addAlerts } from './alert-commands.ts';
import { addDeliveries } from './delivery-commands.ts';
import { describeFailure } from './describe-failure.ts';
import { EXIT, EXIT_HELP, exitCodeOf } from './exit-codes.ts';
import { addAudit, addBulk, addJobs } from './job-commands.ts';
import { addLimits, addPools, addQueues, addTargets, addTypes } from './link-commands.ts';
import { addRedis } from './redis-commands.ts';
import { addSchedules } from './schedule-commands.ts';
import { addTokens } from './token-commands.ts';

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
    .option(
      '--url <url>',
      'address of a server, instead of the database (default: UNSTUCK_URL); its token is in UNSTUCK_TOKEN',
    )
    .option('--token-file <path>', 'file that holds the token for --url')
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
  const add = addTo(program, done);
  const noun = (name: string, about: string): Add =>
    addTo(program.command(name).description(about), done);
  addProcesses(add);
  addEnqueue(add);
  addQuestions(add);
  addJobs(noun('job', 'look at jobs and change them'));
  addBulk(noun('bulk', 'change many jobs at once'));
  addAudit(noun('audit', 'what people did to many jobs'));
  addSchedules(noun('schedule', 'look at schedules and change them'));
  addRedis(noun('redis', 'look at Redis lists whose messages become jobs, and at dead messages'));
  addQueues(noun('queue', 'look at queues, pause, resume and drain them'));
  addTypes(noun('type', 'pause and resume one job type'));
  addTargets(noun('target', 'remote workers: how they stand, and what waits for them'));
  addPools(noun('pool', 'slots: how many jobs of a pool may be live at once'));
  addLimits(noun('limit', 'how many jobs may run at once, or start in a time'));
  addDeliveries(noun('delivery', 'who was, or is to be, told what; sending again what failed'));
  addAlerts(noun('alert', 'what people are told of: look, acknowledge, silence, try channels'));
  addTokens(noun('token', 'who may use the HTTP API'));
  const help = program.command('exit-codes', { hidden: true }).description('what exit codes mean');
  help.helpInformation = () => `${EXIT_HELP}\n`;
  return program;
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
    .addOption(logFormat())
    .addOption(logLevel())
    .option('--no-supervise', 'run in this very process; a dead one is not started again')
    .addOption(new Option('--supervised').hideHelp());
  add(
    'serve [modules...]',
    'the HTTP server alone; inputs are checked by the definitions that these modules export',
    async () => (await import('./start.ts')).serve,
  )
    .option('--host <address>', 'address to serve (default: UNSTUCK_HOST, 127.0.0.1)')
    .option('--port <n>', 'port to serve (default: UNSTUCK_PORT, 8790)', toInteger)
    .addOption(logFormat())
    .addOption(logLevel())
    .option('--no-supervise', 'run in this very process; a dead one is not started again')
    .addOption(new Option('--supervised').hideHelp());
  add(
    'work <modules...>',
    'run the jobs whose definitions these modules export',
    async () => (await import('./work.ts')).work,
  )
    .option('--concurrency <n>', 'handlers at once (default: UNSTUCK_CONCURRENCY, 10)', toInteger)
    .option('--name <name>', 'what people see the worker as (default: UNSTUCK_WORKER_NAME)')
    .addOption(logFormat())
    .addOption(logLevel())
    .option('--no-supervise', 'run in this very process; exit code 75 asks to be started again')
    .addOption(new Option('--supervised').hideHelp());
  add(
    'migrate',
    'bring the schema up to date',
    async () => (await import('./migrate.ts')).migrate,
  ).option('--print', 'only print the SQL');
  add(
    'healthcheck [url]',
    'ask a server whether it is ready; exit code 0 or 1 (default: that of UNSTUCK_HOST and UNSTUCK_PORT)',
    async () => (await import('./healthcheck.ts')).healthcheck,
  ).option('--live', 'only whether it lives, without its database');
}

function logFormat(): Option {
  return new Option(
    '--log-format <format>',
    'how log lines are written (default: UNSTUCK_LOG_FORMAT, kv)',
  ).choices(LOG_OPTIONS.logFormat.choices);
}

function logLevel(): Option {
  return new Option(
    '--log-level <level>',
    'the least serious lines that are written (default: UNSTUCK_LOG_LEVEL; start and serve: warn, work: info)',
  ).choices(OPTIONS.logLevel.choices);
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
    .addOption(
      new Option('--when-taken <mode>', 'when a live job has the key (default return)').choices([
        'return',
        'refuse',
        'replace',
      ]),
    )
    .option('--key-window <duration>', 'no second job with the key for this long')
    .option('--slot <pool>', 'take a slot of this pool, instead of the one of the type')
    .addOption(
      new Option(
        '--when-full <mode>',
        'when every slot is in use (default: that of the type)',
      ).choices(['refuse', 'wait']),
    )
    .option('--limit <name[#key]>', 'count at this limit, for a type without one')
    .option('--hold', 'wait until it is released')
    .option('--tag <tag>', 'a label; may be repeated', collect)
    .option('--notify-webhook <url>', 'tell this address of its end; may be repeated', collect)
    .option('--notify-email <address>', 'tell this person of its end; may be repeated', collect)
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
