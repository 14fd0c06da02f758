// docs/generated/options.md: every option with its default, bounds and environment variable.

import { DELIVERY_OPTIONS } from '../../src/domain/delivery-options.ts';
import { LOG_OPTIONS } from '../../src/domain/log-options.ts';
import { OPTIONS } from '../../src/domain/options.ts';
import { environmentName, expected, type Option } from '../../src/domain/parse-option.ts';
import { ATTEMPTS_DEFAULT } from '../../src/domain/retry-policy.ts';
import { SERVE_OPTIONS } from '../../src/domain/serve-options.ts';
import { TICK_OPTIONS } from '../../src/domain/tick-options.ts';
import { WORK_OPTIONS } from '../../src/domain/work-options.ts';
import { heading, table } from './markdown.ts';

const HEAD = ['option', 'default', 'accepts', 'environment variable', 'meaning'];
const OWN_HEAD = ['option', 'default', 'accepts', 'meaning'];
const LONG = 'a duration from 100ms to 10 years';

/** What `defineJob` takes; test/laws/options-tables.test-d.ts holds it against the type. */
export const JOB_OPTIONS = {
  type: ['required', '1 to 200 letters, digits and `. _ : / -`', 'The name of the job type.'],
  input: ['required', 'a Standard Schema', 'Checked at enqueue, and again before the handler.'],
  run: ['required', 'a function', 'The handler.'],
  timeout: ['`timeout` of the process (30m)', LONG, 'An attempt is aborted after this long.'],
  retry: ['see below', 'an object', 'How often and when a failed attempt is tried again.'],
  claimWithin: [
    '`claimWithin` of the process (5m)',
    LONG,
    'How long a job may wait for a worker before a finding says why.',
  ],
  snoozesMax: [
    '1000',
    'a whole number from 0 to 1,000,000',
    'How often a handler may put a job off.',
  ],
  queue: ['`default`', 'a name, or what `defineQueue` returned', 'The queue of this type.'],
  slot: [
    'none',
    'the key of a pool, or a function of the input',
    'The pool that a job takes a slot from, from its enqueue to its end; see docs/slots.md.',
  ],
  whenFull: ['`refuse`', '`refuse` or `wait`', 'What an enqueue does when every slot is in use.'],
  limit: [
    'none',
    '`{ running, rate, key }` or `{ name, key }`',
    'How many jobs run at once or start in a time; see docs/limits.md.',
  ],
  providers: [
    'none',
    '1 to 20 names, or a function of the input',
    'Who can do the work: each has `retry.attempts` attempts, then the next is tried at once.',
  ],
  isolate: ['false', 'true or false', 'Runs each attempt in a child process; see docs/isolate.md.'],
  module: ['none', '`import.meta.url`', 'The module that exports the definition; with `isolate`.'],
} as const;

/** What `retry` of `defineJob` takes. */
export const RETRY_OPTIONS = {
  attempts: [
    `${ATTEMPTS_DEFAULT}`,
    'a whole number from 1 to 1000',
    'Attempts in all. A crash of the worker is not one.',
  ],
  backoff: [
    '`exponential`',
    '`exponential`, `fixed` or a function',
    'Exponential: a random time up to base × 2^(attempt − 1). A function gets the failed attempt and answers a duration, or false for no more.',
  ],
  base: ['1s', 'a duration from 0 to 10 years', 'The first ceiling, or the fixed delay.'],
  max: ['10m', 'a duration from 0 to 10 years', 'The longest delay.'],
} as const;

/** What `enqueue` and each item of `enqueueMany` take. */
export const ENQUEUE_OPTIONS = {
  notify: [
    'nobody',
    '`{ webhook: url }` or `{ email: address }`, or up to 5 of them',
    'Whom to tell when the job has ended; see docs/notify.md.',
  ],
  slot: ['`slot` of the type', 'the key of a pool', 'The pool to take a slot from.'],
  whenFull: [
    '`whenFull` of the type',
    '`refuse` or `wait`',
    'What to do when every slot is in use: refuse the job, or store it and let it wait.',
  ],
  limit: [
    'none',
    'a name, or `{ name, key }`',
    'A limit that `limits.set` has given its amounts, for a type without one.',
  ],
  whenTaken: [
    '`return`',
    '`return`, `refuse` or `replace`',
    'When a live job has the key: answer with it, throw `KEY_TAKEN`, or give it this input.',
  ],
  keyWindow: [
    'none',
    'a duration from 1 s to 10 years',
    'No second job with the key for this long, whether the first has ended or not.',
  ],
  priority: [
    '0',
    'a whole number from -1000 to 1000',
    'Higher runs first among the jobs of its type.',
  ],
  runAt: ['now', 'a Date within ten years', 'Not before this instant. Excludes `delay`.'],
  delay: [
    '0',
    'a duration up to 10 years',
    'Not before this much time has passed. Excludes `runAt`.',
  ],
  hold: ['false', 'true or false', 'Waits until `release(id)`.'],
  finishBy: [
    'none',
    'a Date within ten years',
    'Fails as JOB_EXPIRED when it is not finished by then.',
  ],
  claimWithin: ['that of the type', LONG, 'As in `defineJob`, for this job.'],
  key: ['none', '1 to 500 characters', 'At most one live job has this key.'],
  tags: ['none', 'up to 20 texts of 1 to 100 characters', 'Labels.'],
  in: [
    'none',
    'a transaction',
    'The job exists when, and only when, it commits; see docs/transactions.md.',
  ],
} as const;

/** What `schedules.set` takes; see docs/schedules.md. */
export const SCHEDULE_OPTIONS = {
  job: ['this or `type`', 'a definition', 'The job that it enqueues; its input is checked.'],
  type: ['this or `job`', '1 to 200 letters, digits and `. _ : / -`', 'The same by its name.'],
  input: ['`{}` with `type`', 'any JSON', 'The input of every run.'],
  cron: ['this or `every`', 'an expression of five or six fields', 'When it fires.'],
  every: [
    'this or `cron`',
    'a duration from 1s to 10 years',
    'When it fires, counted from `anchor`.',
  ],
  timezone: ['`UTC`', 'a time zone such as `Europe/Berlin`', 'Where `cron` is read.'],
  anchor: ['when it was set', 'a Date within ten years', 'From which `every` is counted.'],
  missed: ['`once`', '`skip`, `once` or `all`', 'What becomes of times at which no process swept.'],
  missedMax: ['100', 'a whole number from 1 to 1000', 'How many `all` makes up for at once.'],
  overlap: [
    '`skip`',
    '`skip`, `allow` or `replace`',
    'What becomes of a time while the run before is live.',
  ],
  priority: ['0', 'a whole number from -1000 to 1000', 'Of its jobs.'],
  tags: ['none', 'up to 18 texts of 1 to 100 characters', 'Of its jobs, beside two of its own.'],
  claimWithin: ['that of the type', LONG, 'Of its jobs.'],
  slot: ['that of the type', 'the key of a pool', 'Of its jobs.'],
  whenFull: ['that of the type', '`refuse` or `wait`', 'Of its jobs.'],
  limit: ['that of the type', 'a limit', 'Of its jobs.'],
} as const;

/** What `defineBridge` takes; see docs/redis.md. */
export const BRIDGE_OPTIONS = {
  name: ['required', '1 to 200 letters, digits and `. _ : / -`', 'Part of the ids of its jobs.'],
  redis: [
    '`UNSTUCK_REDIS_URL`',
    '`redis://user:password@host:6379/0`, or `rediss://…`',
    'Where the list is.',
  ],
  list: ['required', '1 to 500 characters', 'The key of the list.'],
  dead: ['the list and `:dead`', '1 to 500 characters', 'The key of the list of dead messages.'],
  takeFrom: ['`right`', '`left` or `right`', 'The end at which messages are taken.'],
  job: [
    'required',
    'a definition, or a function of the message',
    'The type whose input a message is, or what it means: `{ type, input, options }`.',
  ],
  id: ['none', 'a function of the message', 'Of all messages with the same, one runs.'],
  at: ['common fields', 'a function of the message', 'When it was sent, for its age.'],
  batch: ['100', 'a whole number from 1 to 1000', 'How many messages are taken at once.'],
  every: ['5s', 'a duration from 1s to 1 hour', 'How often the lists are measured.'],
  lease: [
    '10s',
    'a duration from 1s to 1 hour',
    'How long a silent process keeps what it has taken.',
  ],
  lateAfter: [
    '5m',
    'a duration from 1s to 10 years',
    'After how long in the list a message is late.',
  ],
  lost: ['none', '`{ query or find, every }`', 'How lost messages are found.'],
} as const;

/** What `work` takes besides `WORK_OPTIONS`. */
export const WORK_CALLBACKS = {
  onReplace: [
    'none',
    'a function',
    'none',
    'Called once when `ghostsMax` handlers never returned: replace the process.',
  ],
  targets: [
    'none',
    'a list of definitions',
    'none',
    'The remote workers that its types name; those that a type gives itself need not be repeated.',
  ],
} as const;

/** Renders the page. */
export function renderOptions(): string {
  return `${heading('Options', '`src/domain/options.ts` and its neighbours')}
A duration is a number of milliseconds or a text such as \`'250ms'\`, \`'30s'\`, \`'5m'\`, \`'2h'\`, \`'7d'\`. An option that is given wins over its
environment variable, which wins over the default; a wrong value and an unknown name are refused at once, by name
(\`OPTION_INVALID\`, \`OPTION_UNKNOWN\`).

## Of the process: \`Unstuck.connect({ … })\`

The address is \`database\`, else \`UNSTUCK_DATABASE_URL\`, else \`DATABASE_URL\`, else the embedded PostgreSQL; \`log\` takes the log lines.

${table(HEAD, processRows({ ...OPTIONS, ...DELIVERY_OPTIONS }))}
## Of serving: \`unstuck start\`, \`unstuck serve\`, \`serve({ … })\`

${table(HEAD, processRows(SERVE_OPTIONS))}
## Of ticks from outside: \`serve({ tick: { … } })\`

${table(HEAD, processRows(TICK_OPTIONS))}
## Of a job type: \`defineJob({ … })\`

${table(OWN_HEAD, rows(JOB_OPTIONS))}
\`retry\`:

${table(OWN_HEAD, rows(RETRY_OPTIONS))}
## Of one job: \`enqueue(job, input, { … })\`

${table(OWN_HEAD, rows(ENQUEUE_OPTIONS))}
## Of a schedule: \`schedules.set(name, { … })\`

${table(OWN_HEAD, rows(SCHEDULE_OPTIONS))}
## Of a bridge: \`defineBridge({ … })\`

${table(OWN_HEAD, rows(BRIDGE_OPTIONS))}
## Of a worker: \`work(jobs, { … })\`

${table(HEAD, [...processRows(WORK_OPTIONS), ...rows(WORK_CALLBACKS)])}
## Of the log: \`unstuck work\`, \`unstuck start\`, \`unstuck serve\`

${table(HEAD, processRows(LOG_OPTIONS))}`;
}

function processRows(options: Readonly<Record<string, Option>>): string[][] {
  return Object.entries(options).map(([name, option]) => [
    `\`${name}\``,
    option.default === '' ? 'none' : `${option.default}`,
    option.kind === 'text' ? `a text that matches \`${option.pattern}\`` : expected(option),
    `\`${option.variable ?? environmentName(name)}\``,
    option.about,
  ]);
}

function rows(options: Readonly<Record<string, readonly string[]>>): string[][] {
  return Object.entries(options).map(([name, cells]) => [`\`${name}\``, ...cells]);
}
