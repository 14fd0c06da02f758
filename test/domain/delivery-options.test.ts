// The laws of the options of deliveries: a mistake is told at the start, and no secret is shown.
import { expect, test } from 'vitest';
import { parseDeliveryOptions } from '../../src/domain/delivery-options.ts';
import { makeWebhookSecret } from '../../src/domain/webhook-signature.ts';

const secret = makeWebhookSecret(Buffer.alloc(32, 1));
const other = makeWebhookSecret(Buffer.alloc(32, 2));

test('nothing is set: webhooks go unsigned, no e-mail is sent, and no private address is called', () => {
  expect(parseDeliveryOptions({}, {})).toEqual({
    webhookSecrets: [],
    mail: undefined,
    privateAddresses: 'refuse',
  });
});

test('lists come with commas from the environment, and as lists in code', () => {
  const environment = {
    UNSTUCK_WEBHOOK_SECRET: `${secret}, ${other}`,
    UNSTUCK_PRIVATE_ADDRESSES: '10.0.0.0/8,worker.internal',
    UNSTUCK_SMTP_URL: 'smtp://mail',
    UNSTUCK_MAIL_FROM: 'a@b.example',
  };
  const config = {
    webhookSecrets: [secret, other],
    privateAddresses: ['10.0.0.0/8', 'worker.internal'],
    mail: { url: 'smtp://mail', from: 'a@b.example' },
  };
  expect(parseDeliveryOptions({}, environment)).toEqual(config);
  const given = { ...config, smtpUrl: 'smtp://mail', mailFrom: 'a@b.example' };
  const { mail: _mail, ...options } = given;
  expect(parseDeliveryOptions(options, {})).toEqual(config);
  expect(parseDeliveryOptions({ privateAddresses: 'allow' }, environment)).toMatchObject({
    privateAddresses: 'allow',
  });
});

test('what cannot be read is refused by name, without what it was', () => {
  const bad = [
    { webhookSecrets: ['hunter2'] },
    { webhookSecrets: [`${secret}hunter2\n`] },
    { smtpUrl: 'https://u:hunter2@mail' },
    { smtpUrl: 'smtp://u:hunter2@mail' },
    { smtpUrl: 'smtp://u:hunter2@ma il', mailFrom: 'a@b.example' },
    { mailFrom: 'a@b.example\r\nBcc: c@d.example' },
    { privateAddresses: ['10.0.0.0/99'] },
    { privateAddresses: 'refuse, allow' },
  ];
  for (const given of bad) {
    const refused = (): unknown => parseDeliveryOptions(given as never, {});
    expect(refused, JSON.stringify(given)).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.not.stringContaining('hunter2'),
      }),
    );
  }
});
