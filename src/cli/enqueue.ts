/** `unstuck enqueue`: stores one job, and waits for its end if asked. */
import type { Enqueued, EnqueueOptions } from '../domain/job.ts';
import { snakeJson } from '../domain/json.ts';
import { meansNow, type Notice } from '../domain/target-notice.ts';
import { commandName } from './command-name.ts';
import { EXIT } from './exit-codes.ts';
import { showJob } from './job-show.ts';
import type { Operable } from './operable.ts';
import { readInput } from './read-input.ts';
import { readTime } from './read-time.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { exitCodeOfEnd, waitForJob } from './wait-for-job.ts';

/** How the job is stored. */
export interface EnqueueCommandOptions extends Globals {
  readonly priority?: number;
  readonly delay?: string;
  readonly runAt?: string;
  readonly finishBy?: string;
  readonly claimWithin?: string;
  readonly key?: string;
  readonly whenTaken?: 'return' | 'refuse' | 'replace';
  readonly keyWindow?: string;
  readonly slot?: string;
  readonly whenFull?: 'refuse' | 'wait';
  readonly limit?: string;
  readonly hold?: boolean;
  readonly tag?: readonly string[];
  readonly notifyWebhook?: readonly string[];
  readonly notifyEmail?: readonly string[];
  readonly wait?: boolean;
  readonly timeout?: string;
}

/** Runs the command: exit code 2 when nothing could be stored as asked, with --wait 7 when the job failed. */
export async function enqueue(
  options: EnqueueCommandOptions,
  type: string,
  input = '{}',
): Promise<number> {
  const screen = openScreen(options.output);
  const value = readInput(input);
  return withUnstuck(options, async (unstuck) => {
    const enqueued = await unstuck.enqueue(type, value, toEnqueueOptions(options));
    const notice = await noticeOf(unstuck, type, enqueued, options);
    if (options.wait !== true) {
      showEnqueued(screen, enqueued, options, notice);
      return EXIT.ok;
    }
    screen.hint(inWords(enqueued, options));
    if (notice !== null) screen.hint(notice.message);
    const job = await waitForJob(unstuck, enqueued.id, options.timeout, screen);
    if (job === undefined) return EXIT.interrupted;
    showJob(screen, job, await unstuck.history(job.id), await unstuck.targets.sendingOf(job));
    return exitCodeOfEnd(job);
  });
}

function toEnqueueOptions(options: EnqueueCommandOptions): EnqueueOptions {
  const { priority, delay, claimWithin, key, whenTaken, keyWindow, slot, whenFull, hold, tag } =
    options;
  return Object.fromEntries(
    Object.entries({
      priority,
      delay,
      claimWithin,
      key,
      whenTaken,
      keyWindow,
      slot,
      whenFull,
      hold,
      limit: toLimit(options.limit),
      tags: tag,
      notify: toNotify(options),
      runAt: readTime(options.runAt, '--run-at'),
      finishBy: readTime(options.finishBy, '--finish-by'),
    }).filter(([, value]) => value !== undefined),
  );
}

/** What keeps the job waiting for now; that it cannot be read is not worth an error, since the job is stored. */
async function noticeOf(
  { targets }: Operable,
  type: string,
  enqueued: Enqueued,
  options: EnqueueCommandOptions,
): Promise<Notice | null> {
  if (enqueued.reason === 'key-window' || !meansNow(options)) return null;
  return targets.noticeFor(type, enqueued).catch(() => null);
}

function toNotify({
  notifyWebhook = [],
  notifyEmail = [],
}: EnqueueCommandOptions): EnqueueOptions['notify'] {
  const all = [
    ...notifyWebhook.map((webhook) => ({ webhook })),
    ...notifyEmail.map((email) => ({ email })),
  ];
  return all.length === 0 ? undefined : all;
}

/** The name of a limit has no `#`, its key may. */
function toLimit(text: string | undefined): EnqueueOptions['limit'] {
  const at = text?.indexOf('#') ?? -1;
  if (text === undefined || at === -1) return text;
  return { name: text.slice(0, at), key: text.slice(at + 1) };
}

/** Writes what became of an enqueue; what to do next is said for the same server. */
export function showEnqueued(
  screen: Screen,
  enqueued: Enqueued,
  globals: Globals,
  notice: Notice | null = null,
): void {
  if (screen.json) screen.value({ ...enqueued, notice: snakeJson(notice) });
  else if (screen.tty) screen.line(inWords(enqueued, globals));
  else screen.line(`${enqueued.id}\t${enqueued.reason}`);
  if (notice !== null && !screen.json) screen.hint(notice.message);
}

function inWords({ id, reason }: Enqueued, { url }: Globals): string {
  if (reason === 'key-live') return `Stored nothing: the live job ${id} has this key.`;
  if (reason === 'key-window')
    return `Stored nothing: job ${id} was enqueued with this key, and its window is still open.`;
  if (reason === 'replaced')
    return `The live job ${id}, which has this key, has the new input and priority.`;
  const there = url === undefined ? '' : ` --url ${url}`;
  return `Enqueued ${id}. Look at it: ${commandName()} job show ${id}${there}`;
}
