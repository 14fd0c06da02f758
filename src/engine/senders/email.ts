/** E-mail: sends messages as plain text through a mail server. */
import type { Message, Sent } from '../../domain/delivery.ts';
import { isEmail } from '../../domain/notify.ts';
import { deferred } from '../../std/deferred.ts';
import { after } from '../../std/timer.ts';
import type { Sender } from '../senders.ts';
import { loadPackage } from './package.ts';

/** The mail server, and who writes. The URL holds the password. */
export interface MailSettings {
  readonly url: string;
  readonly from: string;
}

/** Each step of the conversation has its time, and all together have one that nothing can extend. */
const STEP_MS = 5_000;
const SILENT_MS = 10_000;
const TOTAL_MS = 25_000;

/** Sends to one address, each message over a connection of its own. */
export function emailTo(settings: MailSettings, to: string): Sender {
  return {
    send: async (letter, signal) => {
      // Whatever stands in the database: one address, and not a list or a header.
      if (!isEmail(to))
        return failed('MAIL_REFUSED', 'The address is not one plain e-mail address.', false);
      const over = deferred<Sent>();
      const giveUp = (message: string): void => over.resolve(failed('MAIL_FAILED', message, true));
      const timer = after(TOTAL_MS, () => giveUp('The mail server took longer than 25 s.'));
      const onAbort = (): void => giveUp('The sending was given up.');
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await Promise.race([over.promise, mail(settings, to, letter)]);
      } finally {
        timer.clear();
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}

async function mail({ url, from }: MailSettings, to: string, message: Message): Promise<Sent> {
  const nodemailer = await loadPackage('nodemailer', () => import('nodemailer'));
  if ('kind' in nodemailer) return nodemailer;
  try {
    const transport = nodemailer.createTransport({
      url,
      connectionTimeout: STEP_MS,
      greetingTimeout: STEP_MS,
      dnsTimeout: STEP_MS,
      socketTimeout: SILENT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const { response } = await transport.sendMail({
      from,
      to: { name: '', address: to },
      subject: message.subject,
      text: message.text,
      date: message.at,
      // The same for every try, so that the mailbox can tell a repeat.
      messageId: `<${message.id}@unstuck>`,
      headers: { 'auto-submitted': 'auto-generated', 'x-unstuck-event': message.event },
    });
    return { kind: 'accepted', note: response.slice(0, 200) };
  } catch (error) {
    return failureOf(error);
  }
}

/** What is told of an error: of those of a login the text of the server, which holds no password. */
function failureOf(error: unknown): Sent {
  const { code, command, responseCode, message } = error as {
    readonly code?: string;
    readonly command?: string;
    readonly responseCode?: number;
    readonly message: string;
  };
  // 5xx to the recipient or the text is final; to the login or the sender it is ours to set right.
  const refused =
    (responseCode ?? 0) >= 500 && ['RCPT TO', 'DATA'].includes(command ?? '') && code !== 'EAUTH';
  return failed(refused ? 'MAIL_REFUSED' : 'MAIL_FAILED', message, !refused);
}

function failed(code: string, message: string, again: boolean): Sent {
  return { kind: 'failed', again, code, message };
}
