// The laws of signatures: a receiver with the reference library believes what was signed, and no secret is ever shown.
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import {
  checkWebhookSecret,
  makeWebhookSecret,
  signWebhook,
} from '../../src/domain/webhook-signature.ts';

const BODY = '{"id":"1","text":"grüße"}';

test('S2.9: the reference library believes a signature, and not of another body, id or time', () => {
  const secret = makeWebhookSecret(randomBytes(32));
  const headers = { ...signWebhook([secret], 'delivery-1', new Date(), BODY) };
  const receiver = new Webhook(secret);
  expect(receiver.verify(BODY, headers)).toEqual(JSON.parse(BODY));
  const second = Number(headers['webhook-timestamp']) + 1;
  for (const forged of [
    { ...headers, 'webhook-id': 'delivery-2' },
    { ...headers, 'webhook-timestamp': String(second) },
  ])
    expect(() => receiver.verify(BODY, forged)).toThrow('No matching signature');
  expect(() => receiver.verify('{}', headers)).toThrow('No matching signature');
});

test('the signature of the specification comes out for its example', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const at = new Date(1_614_265_330_000);
  expect(signWebhook([secret], 'msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}')).toEqual(
    {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
  );
});

test('while secrets are changed, receivers of the old and of the new one believe it, and others do not', () => {
  const [old, next, other] = [24, 32, 64].map((size) => makeWebhookSecret(randomBytes(size)));
  const headers = { ...signWebhook([old ?? '', next ?? ''], 'a', new Date(), BODY) };
  expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
  for (const secret of [old, next])
    expect(() => new Webhook(secret ?? '').verify(BODY, headers)).not.toThrow();
  expect(() => new Webhook(other ?? '').verify(BODY, headers)).toThrow('No matching signature');
  expect(() => signWebhook([], 'a', new Date(), BODY)).toThrow('Expected a secret');
});

test.each([
  ['', 'no text'],
  [42, 'no text'],
  [randomBytes(32).toString('base64'), 'a text without whsec_'],
  ['whsec_', '0 bytes'],
  [`whsec_${randomBytes(23).toString('base64')}`, '23 bytes'],
  [`whsec_${randomBytes(65).toString('base64')}`, '65 bytes'],
  [`whsec_${'?'.repeat(44)}`, 'something that is not base64'],
  [`whsec_${randomBytes(32).toString('hex')}x`, 'something that is not base64'],
])('a secret such as %s is refused as %s, and not shown', (value, got) => {
  const check = (): string => checkWebhookSecret(value, 'webhookSecrets');
  expect(check).toThrow(
    expect.objectContaining({
      code: 'OPTION_INVALID',
      detail: { option: 'webhookSecrets' },
      message: expect.stringContaining(
        `webhookSecrets to be whsec_ and 24 to 64 bytes in base64, got ${got};`,
      ),
    }),
  );
  const rest = String(value).replace('whsec_', '');
  if (rest.length > 5) expect(check).not.toThrow(rest);
});

test('a secret that was made is accepted, with blanks around it too', () => {
  const secret = makeWebhookSecret(randomBytes(24));
  expect(checkWebhookSecret(` ${secret}\n`, 'webhookSecrets')).toBe(secret);
  expect(() => makeWebhookSecret(randomBytes(8))).toThrow('got 8 bytes');
});
