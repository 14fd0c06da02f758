/** SMS: sends short messages by Twilio, through its SDK, over connections that are bounded as all of ours. */
import { type ChannelSettings, shownTelephone } from '../../domain/alert-channels.ts';
import type { Message, Sent } from '../../domain/delivery.ts';
import { readObject } from '../../domain/json.ts';
import type { Log } from '../../domain/log.ts';
import { cutText } from '../../domain/payload.ts';
import type { HttpAnswer, HttpCaller } from '../../std/http-call.ts';
import type { Sender } from '../senders.ts';
import { API_CALL, sentBy } from './answers.ts';
import { loadPackage } from './package.ts';

/** Four parts of an SMS: more costs more than it tells. */
const TEXT_MAX = 480;
const TWILIO = 'https://api.twilio.com';

/** What the SDK hands to whoever makes its calls. */
interface SdkRequest {
  readonly method: string;
  readonly uri: string;
  readonly username?: string;
  readonly password?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Makes the sender of a channel. */
export function smsSender(settings: ChannelSettings['sms'], caller: HttpCaller, log: Log): Sender {
  return {
    send: async (message, signal) => {
      const sdk = await loadPackage('twilio', () => import('twilio'));
      if ('kind' in sdk) return sdk;
      const transport = new SdkTransport(caller, settings.apiUrl, signal);
      const client = sdk.default(settings.accountSid, settings.authToken, {
        // The SDK's own client is what it declares; it calls this method alone.
        httpClient: transport as never,
      });
      const sender = settings.from.startsWith('MG')
        ? { messagingServiceSid: settings.from }
        : { from: settings.from };
      // Its error says less than the answer that the transport has seen.
      await client.messages
        .create({ to: settings.to, body: textOf(message), ...sender })
        .catch(() => undefined);
      const sent = transport.sent();
      const to = shownTelephone(settings.to);
      if (sent.kind === 'accepted')
        log.info('sms_sent', { to, message: message.id, subject: message.subject });
      return sent;
    },
  };
}

function textOf({ subject, text }: Message): string {
  return cutText(`${subject}\n${text}`, TEXT_MAX);
}

/** Makes the calls of the SDK: with our timeouts and our guard, to the address that was given. */
class SdkTransport {
  #caller: HttpCaller;
  #apiUrl: string;
  #signal: AbortSignal;
  #answer: HttpAnswer | undefined;

  constructor(caller: HttpCaller, apiUrl: string, signal: AbortSignal) {
    this.#caller = caller;
    this.#apiUrl = apiUrl;
    this.#signal = signal;
  }

  /** What the SDK calls; rejects when there is no answer. */
  async request(asked: SdkRequest): Promise<{ statusCode: number; body: string; headers: object }> {
    const { username = '', password = '', uri, headers, data = {} } = asked;
    const credentials = Buffer.from(`${username}:${password}`).toString('base64');
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(data))
      if (value !== undefined) form.append(name, String(value));
    const answer = await this.#caller.call({
      url: uri.replace(TWILIO, this.#apiUrl),
      method: asked.method.toUpperCase() === 'GET' ? 'GET' : 'POST',
      headers: { ...headers, authorization: `Basic ${credentials}` },
      body: form.toString(),
      signal: this.#signal,
      ...API_CALL,
    });
    this.#answer = answer;
    if (answer.kind === 'failed') throw new Error(answer.message);
    return { statusCode: answer.status, body: answer.body, headers: answer.headers };
  }

  /** What became of the message, by the answer to the last call. */
  sent(): Sent {
    if (this.#answer === undefined)
      return {
        kind: 'failed',
        again: false,
        code: 'SENDER_FAILED',
        message: 'The SDK of Twilio made no call.',
      };
    const note = (body: string): string | undefined => {
      const { sid } = readObject(body) ?? {};
      return typeof sid === 'string' ? `Twilio: ${sid}` : undefined;
    };
    return sentBy(this.#answer, { api: 'Twilio', note });
  }
}
