// The laws of alerts over HTTP: looked at, acknowledged, silenced, by whom; rules and channels without secrets; channels tried.
import { expect, test } from 'vitest';
import { slackChannel } from '../../src/domain/alert-channels.ts';
import { defineAlerts } from '../../src/domain/define-alerts.ts';
import { receiver } from '../engine/senders/receiver.ts';
import { rounds } from '../features/support/alerts.ts';
import { setup } from '../support/unstuck.ts';
import { asking } from './support/asking.ts';

test('an alert is listed, acknowledged, silenced and no longer silenced, by whom and why', async () => {
  const all = await setup({ sweep: false });
  const ask = asking(all.unstuck);
  const { at, finding } = rounds(all);
  await finding('mail');
  await at('0s');
  const listed = await ask('GET /v1/alerts');
  expect(listed).toMatchObject({
    status: 200,
    body: {
      data: [
        {
          rule: 'findings',
          subject: 'queued: mail',
          state: 'firing',
          told: [{ channel: 'ops', state: 'firing' }],
          acknowledged: null,
          silenced: null,
        },
      ],
    },
  });
  const id = String(listed.body.data[0]?.['id']);
  expect(await ask(`GET /v1/alerts/${id}`)).toMatchObject({ status: 200, body: { id } });
  expect(await ask(`POST /v1/alerts/${id}/acknowledge`, { reason: 'on it' })).toMatchObject({
    status: 200,
    body: { acknowledged: { by: 'http', reason: 'on it' } },
  });
  expect(await ask(`POST /v1/alerts/${id}/silence`, { for: '2h', reason: 'known' })).toMatchObject({
    body: { silenced: { by: 'http', reason: 'known', until: expect.any(String) } },
  });
  expect(await ask(`POST /v1/alerts/${id}/unsilence`, {})).toMatchObject({
    body: { silenced: null },
  });
  expect(await ask(`POST /v1/alerts/${id}/silence`, { for: 'long' })).toMatchObject({
    status: 422,
    body: { code: 'REQUEST_INVALID' },
  });
  expect((await ask('GET /v1/alerts?state=resolved')).body.data).toEqual([]);
  expect((await ask('GET /v1/alerts?state=firing&state=pending&rule=findings')).body.data).toEqual([
    expect.objectContaining({ id }),
  ]);
  expect((await ask('GET /v1/audit')).body.data.map((entry) => entry['action'])).toEqual([
    'unsilence-alert',
    'silence-alert',
    'acknowledge-alert',
  ]);
  const nobody = '00000000-0000-0000-0000-000000000000';
  for (const request of [`GET /v1/alerts/${nobody}`, 'GET /v1/alerts/none'])
    expect(await ask(request)).toMatchObject({ status: 404, body: { code: 'ALERT_NOT_FOUND' } });
  expect(await ask(`POST /v1/alerts/${nobody}/acknowledge`, {})).toMatchObject({ status: 404 });
});

test('rules and channels are those of the process, no secret is told, and a channel is tried', async () => {
  const all = await setup({ sweep: false });
  const ask = asking(all.unstuck);
  for (const request of ['GET /v1/alerts/rules', 'GET /v1/alerts/channels'])
    expect(await ask(request)).toMatchObject({ status: 409, body: { code: 'ALERTS_NOT_STARTED' } });
  const ops = await receiver();
  all.unstuck.alerts.start(
    defineAlerts({ channels: { Ops_1: slackChannel({ url: `${ops.url}/hush` }) } }),
  );
  const rules = await ask('GET /v1/alerts/rules');
  expect(rules.body.data).toContainEqual({
    name: 'failure-rate',
    kind: 'failure-rate',
    severity: 'warning',
    for_ms: 0,
    clear_after_ms: 60_000,
    every_ms: 300_000,
    repeat_ms: 3_600_000,
    channels: null,
    parameters: { share: 0.5, at_least: 20, window: 600_000, types: null },
  });
  const channels = await ask('GET /v1/alerts/channels');
  expect(channels.body.data).toEqual([
    {
      name: 'Ops_1',
      protocol: 'slack',
      to: new URL(ops.url).host,
      min_severity: 'info',
      rules: null,
      fallback: null,
    },
  ]);
  expect(JSON.stringify([rules.body, channels.body])).not.toContain('hush');
  expect(await ask('POST /v1/alerts/channels/Ops_1/test', {})).toMatchObject({
    status: 200,
    body: { channel: 'Ops_1', accepted: true, code: null, message: 'Slack answered 200' },
  });
  ops.answer({ status: 403, body: 'invalid_token' });
  expect(await ask('POST /v1/alerts/channels/Ops_1/test', {})).toMatchObject({
    status: 200,
    body: {
      accepted: false,
      code: 'RECEIVER_REFUSED',
      message: 'Slack answered 403: invalid_token',
    },
  });
  expect(await ask('POST /v1/alerts/channels/none/test', {})).toMatchObject({
    status: 404,
    body: { code: 'CHANNEL_NOT_FOUND' },
  });
});
