// The laws of e-mail (S2.9): one plain text to one address, tried again while the mail server says later, given up when it says no.
import { expect, test } from 'vitest';
import type { Delivery } from '../../../src/domain/delivery.ts';
import { emailTo } from '../../../src/engine/senders/email.ts';
import { freePort, tcpServer } from '../../std/support/servers.ts';
import { eventually, job, type Setup, setup } from '../../support/unstuck.ts';
import { LOCAL, type MailServer, mailServer } from './receivers.ts';

const mailFrom = 'Unstuck <unstuck@example.com>';
const bad = job('bad', () => Promise.reject(new Error('no\nway')), { retry: { attempts: 1 } });

/** Ends a job that tells somebody by e-mail, in a process that has a mail server. */
async function told(smtpUrl: string): Promise<{ all: Setup; id: string }> {
  const all = await setup({ ...LOCAL, smtpUrl, mailFrom });
  await all.unstuck.work([bad]);
  const { id } = await all.unstuck.enqueue(bad, 1, { notify: { email: 'ada@example.com' } });
  await all.unstuck.wait(id);
  return { all, id };
}

const when = (all: Setup, good: (one: Delivery) => boolean): Promise<Delivery> =>
  eventually(async () => {
    const [one] = (await all.unstuck.deliveries.list()).deliveries;
    return one !== undefined && good(one) && one;
  }, 'the delivery is as wanted');

const failedOnce = (all: Setup): Promise<Delivery> =>
  when(all, ({ attempts, error, sending }) => attempts === 1 && error !== null && !sending);

test('S2.9: the end of a job is told in a mail: who, what, how, and why', async () => {
  const server = await mailServer();
  const { all, id } = await told(server.url);
  const done = await when(all, ({ state }) => state === 'delivered');
  const [mail] = server.mails as [MailServer['mails'][number]];
  expect(mail).toMatchObject({ from: 'unstuck@example.com', to: ['ada@example.com'] });
  expect(mail.text).toContain('Subject: Job bad failed');
  expect(mail.text).toContain(`Message-ID: <${done.id}@unstuck>`);
  expect(mail.text).toContain('Auto-Submitted: auto-generated');
  expect(mail.text).toContain(`job: ${id}`);
  expect(mail.text).toContain('error: HANDLER_FAILED: no way');
  expect(done.address).toBe('ada@example.com');
  expect(server.mails).toHaveLength(1);
});

test('a greylisting 451 is tried again and then accepted; it is one mail with one id', async () => {
  const server = await mailServer((recipient) => (recipient === 1 ? 451 : undefined));
  const { all } = await told(server.url);
  expect(await failedOnce(all)).toMatchObject({ state: 'pending', error: { code: 'MAIL_FAILED' } });
  await all.moveClock('6 seconds');
  await when(all, ({ state }) => state === 'delivered');
  expect(server.mails).toHaveLength(1);
  expect(server.tries).toBe(2);
});

test('a 550 of the recipient is final', async () => {
  const server = await mailServer(() => 550);
  const { all, id } = await told(server.url);
  const failed = await when(all, ({ state }) => state === 'failed');
  expect(failed).toMatchObject({ attempts: 1, error: { code: 'MAIL_REFUSED' } });
  const history = await all.unstuck.history(id);
  expect(history.at(-1)).toMatchObject({ kind: 'not-told', reason: failed.error?.message });
});

test('a wrong password is ours to set right: it is tried again, and told nowhere', async () => {
  const server = await mailServer();
  const { all } = await told(server.url.replace('hunter2', 'hunter3'));
  const { error, state } = await failedOnce(all);
  expect([state, error?.code]).toEqual(['pending', 'MAIL_FAILED']);
  expect(JSON.stringify([error, all.lines])).not.toContain('hunter3');
});

test('a mail server that is away, or says nothing, is tried again', async () => {
  const { signal } = new AbortController();
  const message = {
    id: 'x',
    purpose: 'notify',
    event: 'job.ended',
    subject: 's',
    text: 't',
    severity: 'info',
    at: new Date(0),
    data: {},
  } as const;
  const send = (port: number): Promise<unknown> =>
    emailTo({ url: `smtp://127.0.0.1:${port}`, from: mailFrom }, 'ada@example.com').send(
      message,
      signal,
    );
  const silent = await tcpServer(() => undefined);
  const answers = await Promise.all([send(await freePort()), send(silent.port)]);
  for (const answer of answers)
    expect(answer).toMatchObject({ kind: 'failed', again: true, code: 'MAIL_FAILED' });
});

test('what is no plain address goes to no mail server, whoever put it into the database', async () => {
  const server = await mailServer();
  const all = await setup({ ...LOCAL, smtpUrl: server.url, mailFrom });
  all.unstuck.sweep();
  await all.query(
    `insert into unstuck.deliveries (purpose, channel, address, payload, job_id) values ('notify', 'email', $1, '{}', gen_random_uuid())`,
    ['a@b.example, c@d.example'],
  );
  expect(await when(all, ({ state }) => state === 'failed')).toMatchObject({
    error: { code: 'MAIL_REFUSED' },
  });
  expect(server.tries).toBe(0);
});
