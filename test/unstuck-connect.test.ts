// Connecting: what is refused at the door by name, what unknown types may do, and that a password is never shown.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { defineJob, lineLog, Unstuck } from '../src/index.ts';
import { withoutPassword } from '../src/storage/database.ts';
import { eventually, job, setup } from './support/unstuck.ts';

const NOBODY = '127.0.0.1:1/none';
const mail = defineJob({ type: 'mail', input: z.object({ to: z.string() }), run: () => null });

test('a wrong option, an unknown one and a wrong variable are refused by name before anything is opened', async () => {
  const database = `postgres://user@${NOBODY}`;
  await expect(Unstuck.connect({ database, lease: '5ms' })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: 'Expected option lease to be a duration from 1s to 1h such as \'10s\', got "5ms".',
  });
  await expect(Unstuck.connect({ database, leese: '5s' } as never)).rejects.toMatchObject({
    code: 'OPTION_UNKNOWN',
    message: expect.stringContaining(
      'There is no option "leese" of a connection. Known options: schema, ',
    ),
  });
  withVariable('UNSTUCK_SWEEP_INTERVAL', 'often');
  await expect(Unstuck.connect({ database })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringMatching(/^Expected UNSTUCK_SWEEP_INTERVAL to be .*, got "often"\.$/),
  });
});

test('S3.2: the sweep, its interval and the timeout of attempts are set by environment variables', async () => {
  withVariable('UNSTUCK_SWEEP', 'off');
  withVariable('UNSTUCK_SWEEP_INTERVAL', '5m');
  withVariable('UNSTUCK_TIMEOUT', '45m');
  const { unstuck } = await setup();
  expect(unstuck.config).toMatchObject({
    sweep: false,
    sweepInterval: 300_000,
    timeout: 2_700_000,
  });
});

test('an address that is none, and a server that is not there, say so and what to do', async () => {
  await expect(Unstuck.connect({ database: 'mysql://root:secret@host' })).rejects.toMatchObject({
    code: 'DATABASE_URL_INVALID',
    message: expect.not.stringContaining('secret'),
  });
  await expect(Unstuck.connect({ database: `postgres://user@${NOBODY}` })).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: expect.stringMatching(
      /^PostgreSQL at postgres:\/\/user@127\.0\.0\.1:1\/none could not be reached: .*\. Check the address/,
    ),
  });
});

test('unknown types are accepted by default, refused by choice, and known once anybody has defined them', async () => {
  const { unstuck, connect, query: ask } = await setup();
  const strict = await connect({ unknownTypes: 'refuse' });
  await expect(strict.enqueue('mail', { to: 'a' })).rejects.toMatchObject({
    code: 'JOB_TYPE_UNKNOWN',
    message: expect.stringMatching(/^Nobody has ever defined the job type "mail".*Correct it,/),
  });
  expect(await ask('select from unstuck.jobs')).toEqual([]);
  await unstuck.enqueue('mail', { to: 'a' });
  await unstuck.enqueue(mail, { to: 'a' });
  expect(await strict.enqueue('mail', { to: 'a' })).toMatchObject({ created: true });
});

test('a refused job is not stored, alone or among many', async () => {
  const { unstuck, query: ask } = await setup();
  const wrong = { to: 5 } as never;
  await expect(unstuck.enqueue(mail, wrong)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(
    unstuck.enqueueMany(mail, [{ input: { to: 'a' } }, { input: wrong }]),
  ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(unstuck.enqueueMany(mail, 'many' as never)).rejects.toMatchObject({
    code: 'BATCH_INVALID',
  });
  for (const bad of [null, 'text', undefined])
    for (const refused of [
      unstuck.enqueueMany(mail, [{ input: { to: 'a' } }, bad as never]),
      unstuck.enqueueEach([{ job: mail, input: { to: 'a' } }, bad as never]),
    ])
      await expect(refused).rejects.toMatchObject({
        code: 'BATCH_INVALID',
        message: expect.stringMatching(
          /^Expected each job of a batch to be an object, got .* as item 1/,
        ),
      });
  const tooMany = Array.from({ length: 10_001 }, () => ({ input: { to: 'a' } }));
  await expect(unstuck.enqueueMany(mail, tooMany)).rejects.toMatchObject({
    code: 'BATCH_INVALID',
    message: 'Expected a list of at most 10,000 jobs, got 10001.',
  });
  expect(await ask('select from unstuck.jobs')).toEqual([]);
});

test('one type twice in one worker, and a worker without a bound, are refused', async () => {
  const { unstuck } = await setup();
  await expect(unstuck.work([mail, mail])).rejects.toMatchObject({ code: 'JOB_TYPE_DUPLICATE' });
  await expect(unstuck.work([mail], { concurrency: 0 })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  });
});

test('a closed connection refuses to enqueue', async () => {
  const { unstuck } = await setup();
  await unstuck.close();
  await expect(unstuck.enqueue(mail, { to: 'a' })).rejects.toMatchObject({
    code: 'WORKER_STOPPED',
  });
});

/** Passwords as people choose and mangle them: with the characters that part an address. */
const passwords = fc
  .string({
    unit: fc.constantFrom('a', 'Z', '9', '@', ':', '/', '?', '#', '%', '&', '=', '$', 'ü'),
    minLength: 6,
    maxLength: 24,
  })
  .map((text) => `pw${text}wp`);

test('a password is in no error, cause or log line, however it is written into the address', async () => {
  await fc.assert(
    fc.asyncProperty(passwords, fc.boolean(), async (password, encoded) => {
      const written = encoded ? encodeURIComponent(password) : password;
      const lines: string[] = [];
      const log = lineLog('debug', (line) => lines.push(line));
      const database = `postgres://user:${written}@${NOBODY}?connect_timeout=1`;
      const error = await Unstuck.connect({ database, log }).then(
        () => undefined,
        (refused: unknown) => refused,
      );
      expect(error).toBeInstanceOf(Error);
      const seen = `${printed(error)}\n${lines.join('\n')}`;
      for (const secret of [password, written]) expect(seen).not.toContain(secret);
    }),
    { numRuns: 60 },
  );
});

test('an address for people has everything but the password', async () => {
  expect(withoutPassword('postgres://u:p@h:5432/d?x=1')).toBe('postgres://u@h:5432/d?x=1');
  expect(withoutPassword('postgresql://u:p/a?b#c@d@h/d')).toBe('postgresql://u@h/d');
  expect(withoutPassword('postgres://h/d?user=u&password=p&x=1')).toBe(
    'postgres://h/d?user=u&password=…&x=1',
  );
  expect(withoutPassword('postgres://u@h/d')).toBe('postgres://u@h/d');
});

test('a refused password is not repeated, and the object that users hold shows none', async () => {
  const { url, unstuck } = await setup();
  const address = new URL(url);
  expect(address.password.length).toBeGreaterThan(5);
  expect(unstuck.address).toContain(address.host);
  expect(`${unstuck.address} ${printed(unstuck)}`).not.toContain(address.password);

  address.password = 'hunter2-hunter2';
  const refused = await Unstuck.connect({ database: address.href }).catch(
    (error: unknown) => error,
  );
  expect(refused).toMatchObject({ code: 'DATABASE_UNREACHABLE' });
  expect(printed(refused)).not.toContain('hunter2');
});

function printed(value: unknown): string {
  return inspect(value, { depth: 10, showHidden: true });
}

function withVariable(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

test('a log that throws on every line stops no loop and fails no job', async () => {
  const { connect, query } = await setup({ sweep: false });
  const refuse = (): never => {
    throw new Error('the log is broken');
  };
  const log = { debug: refuse, info: refuse, warn: refuse, error: refuse };
  const unstuck = await connect({ log, logLevel: 'silent' });
  await unstuck.work([
    job('talks', (running) => {
      running.log.info('working');
      return 'done';
    }),
  ]);
  const listener = `pg_stat_activity where application_name = 'unstuck listener' and datname = current_database()`;
  const ended = await eventually(
    async () => (await query<{ pid: number }>(`select pid from ${listener}`))[0]?.pid,
    'a listener',
  );
  await query('select pg_terminate_backend($1)', [ended]);
  await eventually(
    async () => (await query(`select from ${listener} and pid <> $1`, [ended])).length > 0,
    'another listener',
  );
  const { id } = await unstuck.enqueue('talks', 1);
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'completed',
    attempt: 1,
  });
});
