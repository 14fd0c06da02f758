// The laws of channels: each speaks the protocol of its API, says what became of a message, and gives no secret away.
import { inspect } from 'node:util';
import { SMTPServer } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type ChannelDefinition,
  emailChannel,
  pagerdutyChannel,
  sentryChannel,
  slackChannel,
  smsChannel,
  webhookChannel,
} from '../../../src/domain/alert-channels.ts';
import type { AlertItem } from '../../../src/domain/alert-messages.ts';
import type { Message, Sent } from '../../../src/domain/delivery.ts';
import { channelSender } from '../../../src/engine/senders/channels.ts';
import { incidentKey } from '../../../src/engine/senders/pagerduty.ts';
import { HttpCaller } from '../../../src/std/http-call.ts';
import { receiver } from './receiver.ts';

const ITEM: AlertItem = {
  id: '018f0000-0000-7000-8000-000000000001',
  rule: 'target-down',
  subject: 'gpu-1',
  severity: 'critical',
  state: 'firing',
  summary: 'The target gpu-1 is down',
  count: 3,
  since: '2026-11-21T10:00:00.000Z',
};
const MESSAGE: Message = {
  id: '018f0000-0000-7000-8000-00000000000a',
  purpose: 'alert',
  event: 'alert.firing',
  subject: '[critical] target-down: gpu-1',
  text: 'The target gpu-1 is down <!channel> & more',
  severity: 'critical',
  at: new Date('2026-11-21T10:00:00.000Z'),
  data: { total: 1, items: [ITEM], open: 1 },
};
const resolved = (item: Partial<AlertItem> = {}, open = 0): Message => ({
  ...MESSAGE,
  event: 'alert.resolved',
  data: { total: 1, items: [{ ...ITEM, state: 'resolved', ...item }], open },
});

const lines: [string, object | undefined][] = [];
const add = (event: string, facts?: object): void => void lines.push([event, facts]);
const log = { debug: add, info: add, warn: add, error: add };

function send(channel: ChannelDefinition, message: Message = MESSAGE): Promise<Sent> {
  const caller = new HttpCaller({ privateAddresses: 'allow' });
  onTestFinished(() => caller.close());
  const sender = channelSender(channel, { caller, log, mail: undefined });
  return sender.send(message, new AbortController().signal);
}

const SMS = { accountSid: 'AC123', authToken: 'hush', from: '+15005550006', to: '+4915112345678' };

test('SMS: one POST with basic authentication and a form, by the SDK of Twilio', async () => {
  const api = await receiver({ status: 201, body: '{"sid":"SM1","status":"queued"}' });
  expect(await send(smsChannel({ ...SMS, apiUrl: api.url }))).toEqual({
    kind: 'accepted',
    note: 'Twilio: SM1',
  });
  const [request] = api.received;
  expect(request).toMatchObject({
    method: 'POST',
    path: '/2010-04-01/Accounts/AC123/Messages.json',
    headers: {
      authorization: `Basic ${Buffer.from('AC123:hush').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
  });
  expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
    To: SMS.to,
    From: SMS.from,
    Body: `${MESSAGE.subject}\n${MESSAGE.text}`,
  });
  expect(api.received).toHaveLength(1);
});

test('S2.7: sms_sent says that an SMS was sent, of the number only the last two digits', async () => {
  const api = await receiver({ status: 201, body: '{"sid":"SM1"}' });
  lines.length = 0;
  await send(smsChannel({ ...SMS, apiUrl: api.url }));
  expect(lines).toEqual([
    ['sms_sent', { to: '…78', message: MESSAGE.id, subject: MESSAGE.subject }],
  ]);
  expect(JSON.stringify(lines)).not.toContain(SMS.to);
});

test('SMS: a long text is cut, and a messaging service stands in for a number', async () => {
  const api = await receiver({ status: 201, body: '{"sid":"SM1"}' });
  const channel = smsChannel({ ...SMS, from: 'MG77', apiUrl: api.url });
  await send(channel, { ...MESSAGE, text: 'x'.repeat(2_000) });
  const form = new URLSearchParams(api.received[0]?.body);
  expect(form.get('MessagingServiceSid')).toBe('MG77');
  expect(form.get('From')).toBeNull();
  expect(form.get('Body')).toHaveLength(480);
});

test('Slack: text, in which no name of an alert can call everybody', async () => {
  const api = await receiver();
  expect(await send(slackChannel({ url: `${api.url}/services/T0/B0/hush` }))).toMatchObject({
    kind: 'accepted',
  });
  expect(api.received[0]).toMatchObject({ method: 'POST', path: '/services/T0/B0/hush' });
  expect(JSON.parse(api.received[0]?.body ?? '')).toEqual({
    text: ':rotating_light: *[critical] target-down: gpu-1*\nThe target gpu-1 is down &lt;!channel&gt; &amp; more',
  });
});

test('webhook: signed as Standard Webhooks says, the id that of the message', async () => {
  const api = await receiver({ status: 204 });
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  expect(await send(webhookChannel({ url: `${api.url}/hook`, secret }))).toMatchObject({
    kind: 'accepted',
  });
  const [request] = api.received;
  const headers = request?.headers as Record<string, string>;
  expect(headers['webhook-id']).toBe(MESSAGE.id);
  expect(new Webhook(secret).verify(request?.body ?? '', headers)).toMatchObject({
    type: 'alert.firing',
    data: { items: [{ rule: 'target-down', subject: 'gpu-1' }] },
  });
});

test('PagerDuty: trigger, acknowledge and resolve of one alert are one incident', async () => {
  const api = await receiver({ status: 202, body: '{"status":"success","dedup_key":"k"}' });
  const channel = pagerdutyChannel({ routingKey: 'R0', apiUrl: api.url });
  expect(await send(channel)).toEqual({ kind: 'accepted', note: 'PagerDuty: trigger k' });
  const acknowledged = { ...ITEM, state: 'acknowledged' as const };
  await send(channel, { ...MESSAGE, data: { total: 1, items: [acknowledged], open: 1 } });
  await send(channel, resolved({}, 2));
  expect(api.received.map(({ path }) => path)).toEqual(Array(3).fill('/v2/enqueue'));
  const events = api.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  expect(events).toMatchObject([
    {
      routing_key: 'R0',
      event_action: 'trigger',
      dedup_key: 'unstuck:target-down:gpu-1',
      payload: {
        summary: MESSAGE.subject,
        source: 'unstuck',
        severity: 'critical',
        timestamp: '2026-11-21T10:00:00.000Z',
      },
    },
    { event_action: 'acknowledge', dedup_key: 'unstuck:target-down:gpu-1' },
    { event_action: 'resolve', dedup_key: 'unstuck:target-down:gpu-1' },
  ]);
});

test('PagerDuty: many alerts are one incident, which ends when none fires any more', async () => {
  const api = await receiver({ status: 202, body: '{}' });
  const channel = pagerdutyChannel({ routingKey: 'R0', apiUrl: api.url });
  const items = [ITEM, { ...ITEM, subject: 'gpu-2' }];
  await send(channel, { ...MESSAGE, data: { total: 2, items, open: 2 } });
  const ended = items.map((item) => ({ ...item, state: 'resolved' as const }));
  await send(channel, { ...resolved(), data: { total: 2, items: ended, open: 0 } });
  const events = api.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  expect(events.map((event) => [event['event_action'], event['dedup_key']])).toEqual([
    ['trigger', 'unstuck:digest'],
    ['resolve', 'unstuck:target-down:gpu-1'],
    ['resolve', 'unstuck:target-down:gpu-2'],
    ['resolve', 'unstuck:digest'],
  ]);
  const long = incidentKey('rule', 'x'.repeat(500));
  expect(long).toHaveLength(255);
  expect(long).not.toBe(incidentKey('rule', `${'x'.repeat(499)}y`));
});

test('Sentry: an envelope with one event, known again by its id, and no client of the process', async () => {
  const api = await receiver({ status: 200, body: '{"id":"x"}' });
  const dsn = `${api.url.replace('://', '://pub1ic@')}/42`;
  expect(await send(sentryChannel({ dsn, environment: 'staging' }))).toMatchObject({
    kind: 'accepted',
  });
  const [request] = api.received;
  expect(request?.path).toMatch(/^\/api\/42\/envelope\/\?.*sentry_key=pub1ic/);
  const [header, item, event] = (request?.body ?? '')
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(header).toMatchObject({ event_id: MESSAGE.id.replaceAll('-', '') });
  expect(item).toMatchObject({ type: 'event' });
  expect(event).toMatchObject({
    event_id: MESSAGE.id.replaceAll('-', ''),
    level: 'error',
    message: MESSAGE.subject,
    environment: 'staging',
    fingerprint: ['unstuck', 'alert.firing', 'target-down', 'gpu-1'],
    tags: { rule: 'target-down', subject: 'gpu-1', severity: 'critical' },
    timestamp: MESSAGE.at.getTime() / 1_000,
  });
  const { getClient } = await import('@sentry/core');
  expect(getClient()).toBeUndefined();
});

test('e-mail: text by SMTP, from and to whom was said', async () => {
  const mails: { from: string; to: string[]; text: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, session, done) => {
      let text = '';
      stream.on('data', (piece: Buffer) => (text += piece.toString()));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text,
        });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as { port: number };
  const channel = emailChannel({
    to: 'ops@example.com',
    from: 'unstuck@example.com',
    smtpUrl: `smtp://127.0.0.1:${port}`,
  });
  expect(await send(channel)).toMatchObject({ kind: 'accepted' });
  expect(mails).toMatchObject([{ from: 'unstuck@example.com', to: ['ops@example.com'] }]);
  expect(mails[0]?.text).toContain('Subject: [critical] target-down: gpu-1');
  expect(await send(emailChannel({ to: 'ops@example.com' }))).toMatchObject({
    kind: 'failed',
    code: 'MAIL_FAILED',
    message: expect.stringContaining('smtpUrl'),
  });
});

describe.each([
  ['sms', (url: string) => smsChannel({ ...SMS, apiUrl: url })],
  ['slack', (url: string) => slackChannel({ url })],
  ['pagerduty', (url: string) => pagerdutyChannel({ routingKey: 'R0', apiUrl: url })],
  ['sentry', (url: string) => sentryChannel({ dsn: `${url.replace('://', '://pub1ic@')}/42` })],
] as const)('O5: what %s says of a message', (_, channelAt) => {
  test.each([
    [
      { status: 500, body: 'broken' },
      { again: true, code: 'RECEIVER_REFUSED' },
    ],
    [
      { status: 429, headers: { 'retry-after': '7' } },
      { again: true, code: 'RECEIVER_REFUSED', afterMs: 7_000 },
    ],
    [
      { status: 401, body: 'bad token' },
      { again: false, code: 'RECEIVER_REFUSED', message: expect.stringMatching(/401: bad token/) },
    ],
    [{ status: 302, headers: { location: 'http://127.0.0.1:9/' } }, { again: false }],
  ])('it answers %o', async (answer, what) => {
    const api = await receiver(answer);
    expect(await send(channelAt(api.url))).toMatchObject({ kind: 'failed', ...what });
    expect(api.received).toHaveLength(1);
  });

  test('nobody is there', async () => {
    expect(await send(channelAt('http://127.0.0.1:9'))).toMatchObject({
      kind: 'failed',
      again: true,
      code: 'CONNECT_REFUSED',
    });
  });
});

test('no channel shows its secrets, whatever it is written with', async () => {
  const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
  const channels = [
    smsChannel(SMS),
    slackChannel({ url: 'https://hooks.slack.com/services/hush' }),
    webhookChannel({ url: 'https://example.com/?key=hush', secret }),
    pagerdutyChannel({ routingKey: 'hush' }),
    sentryChannel({ dsn: 'https://hush@sentry.example.com/1' }),
    emailChannel({ to: 'a@b.c', smtpUrl: 'smtp://u:hush@mail', from: 'a@b.c' }),
  ];
  for (const text of [JSON.stringify(channels), inspect(channels, { depth: 9 })]) {
    expect(text).not.toMatch(/hush|whsec_/);
    expect(text).not.toContain(SMS.to);
  }
});

test.each([
  () => smsChannel({ ...SMS, to: '0151 hush' }),
  () => smsChannel({ ...SMS, authToken: 'hush hush' }),
  () => smsChannel({ ...SMS, accountSid: 'hush' }),
  () => slackChannel({ url: 'hush' }),
  () => slackChannel({ url: 'https://user:hush@example.com' }),
  () => pagerdutyChannel({ routingKey: '', apiUrl: 'https://x' }),
  () => sentryChannel({ dsn: 'https://sentry.example.com/hush' }),
  () => emailChannel({ to: 'a@b\r\nbcc: hush@x' }),
  () => emailChannel({ to: 'a@b', smtpUrl: 'http://hush' }),
  () => slackChannel({ url: 'https://x', minSeverity: 'grave' as never }),
])('a channel that could not work is refused, and the message shows no value: %s', (make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'ALERTS_INVALID' }));
  expect(make).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hush') }));
});
