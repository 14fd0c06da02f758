// Stands in for the provider of SMS: a server that speaks the part of Twilio's API by which messages are sent, and checks what it gets. It sends nothing.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Who may send. */
export interface SmsAccount {
  /** `AC…`. */
  readonly accountSid: string;
  readonly authToken: string;
}

/** The account with which this example sends. It is none of Twilio's: it is good for this stand-in alone. */
export const smsAccount: SmsAccount = {
  accountSid: 'AC00000000000000000000000000000000',
  authToken: 'for-trying-it-out',
};

/** A message as it would have been sent. */
export interface Sms {
  readonly from: string;
  readonly to: string;
  readonly body: string;
}

/** A provider that runs. */
export interface SmsProvider {
  readonly url: string;
  /** What was accepted, oldest first. */
  readonly sent: readonly Sms[];
  /** Why requests were refused. */
  readonly refused: readonly string[];
  close(): Promise<void>;
}

const TELEPHONE = /^\+[1-9]\d{6,14}$/;
const BODY_MAX = 1_600;

/** Starts a provider on a free port of this machine; `onSms` hears of what it accepts. */
export async function startSmsProvider(
  account: SmsAccount,
  onSms: (sms: Sms) => void = () => undefined,
): Promise<SmsProvider> {
  const sent: Sms[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const said = check(request, body, account);
      if (typeof said === 'string') refused.push(said);
      else {
        sent.push(said);
        onSms(said);
      }
      answer(response, said, account);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    sent,
    refused,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The message, or why there is none. */
function check(
  { method, url, headers }: IncomingMessage,
  body: string,
  { accountSid, authToken }: SmsAccount,
): Sms | string {
  if (method !== 'POST' || url !== `/2010-04-01/Accounts/${accountSid}/Messages.json`)
    return `There is no ${method} ${url}.`;
  const secret = Buffer.from(`${accountSid}:${authToken}`).toString('base64');
  if (headers.authorization !== `Basic ${secret}`) return 'Authenticate';
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded') !== true)
    return 'Expected a form.';
  const form = new URLSearchParams(body);
  const [from = '', to = '', text = ''] = ['From', 'To', 'Body'].map(
    (name) => form.get(name) ?? '',
  );
  if (!TELEPHONE.test(from) || !TELEPHONE.test(to)) return 'Expected telephone numbers.';
  if (text === '' || text.length > BODY_MAX) return 'Expected a text of at most 1600 characters.';
  return { from, to, body: text };
}

function answer(response: ServerResponse, said: Sms | string, { accountSid }: SmsAccount): void {
  const failed = typeof said === 'string';
  const status = failed ? (said === 'Authenticate' ? 401 : 400) : 201;
  const body = failed
    ? { code: status === 401 ? 20_003 : 21_602, message: said, status, more_info: '' }
    : {
        sid: `SM${randomBytes(16).toString('hex')}`,
        account_sid: accountSid,
        status: 'queued',
        direction: 'outbound-api',
        ...said,
      };
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}
