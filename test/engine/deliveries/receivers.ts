// Receivers of tests: HTTP and mail servers that keep what they got and answer what their test says.
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { onTestFinished } from 'vitest';
import { httpServer } from '../../std/support/servers.ts';

/** The secret of the tests. */
export const SECRET: string = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
/** What a connection needs to call receivers on this machine. */
export const LOCAL = {
  privateAddresses: ['127.0.0.1'],
  webhookSecrets: [SECRET],
  sweepInterval: '50ms',
} as const;

/** One request that a receiver got. */
export interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks. */
export interface Receiver {
  readonly url: string;
  readonly got: readonly Got[];
}

/** Answers the n-th request (from 1), or never. */
export type Answering = (response: ServerResponse, request: number) => unknown;

/** Serves a receiver until the end of the test. */
export async function receiver(
  answer: Answering = (response) => response.end('ok'),
): Promise<Receiver> {
  const got: Got[] = [];
  const { port } = await httpServer((request, response) => {
    void text(request).then((body) => {
      got.push({ headers: request.headers, body });
      answer(response, got.length);
    });
  });
  return { url: `http://127.0.0.1:${port}/hook?token=hidden`, got };
}

/** One mail that a server took. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** A mail server. */
export interface MailServer {
  readonly url: string;
  readonly mails: readonly Mail[];
  /** How often somebody tried to hand in a mail. */
  readonly tries: number;
}

/** Serves mail until the end of the test; `refuse` says what the n-th recipient (from 1) is answered: a status, or nothing. */
export async function mailServer(
  refuse: (recipient: number) => number | undefined = () => undefined,
): Promise<MailServer> {
  const mails: Mail[] = [];
  let tries = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'ada' && password === 'hunter2'
        ? done(null, { user: 'ada' })
        : done(new Error('who is that?')),
    onRcptTo: (_address, _session, done) => {
      tries += 1;
      const status = refuse(tries);
      done(
        status === undefined
          ? null
          : Object.assign(new Error(`no, ${status}`), { responseCode: status }),
      );
    },
    onData: (stream, { envelope }, done) => {
      void text(stream).then((body) => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), text: body });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as { port: number };
  return {
    url: `smtp://ada:hunter2@127.0.0.1:${port}`,
    mails,
    get tries() {
      return tries;
    },
  };
}
