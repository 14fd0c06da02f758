// Isolated jobs of the tests: a module as a user writes it, whose definitions are exported singly and in an array.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Cancel, defineJob, Fail, RetryAfter, Snooze } from '../../../src/index.ts';

const ISOLATED = { isolate: true, module: import.meta.url } as const;
const text = z.object({ text: z.string().transform((given) => given.toUpperCase()) });

/** Exported by itself; tells which process ran it. */
export const shout = defineJob({
  ...ISOLATED,
  type: 'shout',
  input: text,
  run: (job) => ({
    said: job.input.text,
    pid: process.pid,
    attempt: job.attempt,
    token: job.token,
    sameKey: job.idempotencyKey === job.id,
  }),
});

const how = z.object({ how: z.string() });

const thrower = defineJob({
  ...ISOLATED,
  type: 'thrower',
  input: how,
  retry: { attempts: 2, base: 0 },
  run: async (job) => {
    switch (job.input.how) {
      case 'error':
        throw Object.assign(new TypeError('no such thing', { cause: new Error('deeper') }), {
          code: 'E_OWN',
        });
      case 'text':
        throw 'only a text' as unknown as Error;
      case 'fail':
        throw new Fail('for good', { code: 'E_FINAL' });
      case 'cancel':
        throw new Cancel('not wanted any more');
      case 'snooze':
        throw new Snooze('1h', 'later');
      case 'retry-after':
        throw new RetryAfter('2h', 'busy');
      case 'stray rejection':
        void Promise.reject(new Error('nobody awaited me'));
        return sleep(60_000);
      case 'exit':
        return process.exit(7);
      case 'unstorable':
        return { at: Number.NaN };
      default:
        throw new Error('unknown');
    }
  },
});

const reporter = defineJob({
  ...ISOLATED,
  type: 'reporter',
  input: z.null(),
  run: async (job) => {
    job.progress(0.5, 'half-way');
    job.log.warn('own_event', { error: new Error('seen'), big: 10n, nested: { a: 1 } });
    const since = performance.now();
    const { held, confirmedMsAgo } = job.heartbeat;
    await sleep(1_500);
    const later = job.heartbeat.confirmedMsAgo;
    return { held, later, unrenewed: confirmedMsAgo + performance.now() - since };
  },
});

const writer = defineJob({
  ...ISOLATED,
  type: 'writer',
  input: how,
  retry: { attempts: 1 },
  run: async (job) => {
    const written = job.transaction(async (tx) => {
      await tx.query('insert into mine values ($1)', [job.input.how]);
      if (job.input.how === 'fence lost')
        await tx.query("select set_config('lock_timeout', '0', true), pg_sleep(2)");
      if (job.input.how === 'throws') throw new Error('no');
      return { wrote: job.input.how };
    });
    if (job.input.how !== 'dies after commit') return written;
    await written;
    return process.kill(process.pid, 'SIGKILL');
  },
});

const stubborn = defineJob({
  ...ISOLATED,
  type: 'stubborn',
  input: z.null(),
  timeout: '6s',
  retry: { attempts: 1 },
  run: (job) => {
    job.progress(0, `${process.pid}`);
    for (;;);
  },
});

const listener = defineJob({
  ...ISOLATED,
  type: 'listener',
  input: z.null(),
  run: async (job) => {
    job.progress(0, `${process.pid}`);
    await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
    const reason = job.signal.reason as Error;
    job.log.info('heard', { name: reason.name, message: reason.message });
    throw reason;
  },
});

const bomb = defineJob({
  ...ISOLATED,
  type: 'bomb',
  input: z.null(),
  retry: { attempts: 2, base: 0 },
  run: (job) => {
    if (job.attempt > 1) return 'survived';
    const kept: unknown[] = [];
    for (;;) kept.push(Array.from({ length: 10_000 }, () => ({})));
  },
});

const breeder = defineJob({
  ...ISOLATED,
  type: 'breeder',
  input: how,
  timeout: '6s',
  retry: { attempts: 1 },
  run: async (job) => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    job.progress(0, `${process.pid} ${child.pid}`);
    if (job.input.how === 'hang') await sleep(600_000);
    return [process.pid, child.pid];
  },
});

/** Exported in an array. */
export const jobs = [thrower, reporter, writer, stubborn, listener, bomb, breeder];

/** Defined, and not exported under a name that can be found: it is hidden in an object. */
export const hidden = {
  job: defineJob({ ...ISOLATED, type: 'hidden', input: z.null(), run: () => 'never' }),
};
