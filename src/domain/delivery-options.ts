/** The options of telling others: how webhooks are signed, by which server e-mail goes, and which addresses may be called. */
import { AddressGuard, type PrivateAddresses } from '../std/address-guard.ts';
import { unstuckError } from './errors.ts';
import { type Option, parseOption } from './parse-option.ts';
import { checkWebhookSecret } from './webhook-signature.ts';

/** The table of options of deliveries; they are options of a connection as well. */
export const DELIVERY_OPTIONS = {
  webhookSecrets: {
    kind: 'text',
    default: '',
    pattern: '^[\\x21-\\x7e ]{0,2000}$',
    secret: true,
    variable: 'UNSTUCK_WEBHOOK_SECRET',
    about:
      'The secrets that sign webhooks, such as `whsec_…`; several, separated by commas, all sign while they are changed. In code a list.',
  },
  smtpUrl: {
    kind: 'text',
    default: '',
    pattern: '^$|^smtps?://[^\\s]{1,2000}$',
    accepts: 'an address such as smtps://user:password@mail.example.com',
    secret: true,
    about:
      'The mail server, such as `smtps://user:password@mail.example.com`; it needs the package nodemailer.',
  },
  mailFrom: {
    kind: 'text',
    default: '',
    pattern: '^$|^[^\\x00-\\x1f\\x7f]{3,320}$',
    about: 'The sender of e-mail, such as `Unstuck <unstuck@example.com>`.',
  },
  privateAddresses: {
    kind: 'text',
    default: 'refuse',
    pattern: '^[^\\s]{1,2000}$',
    about:
      'What becomes of calls to addresses that are not public: `refuse`, `allow`, or refuse all but a list of networks and hosts, separated by commas; in code a list.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
DELIVERY_OPTIONS satisfies Record<string, Option>;

/** How others are told. */
export interface DeliveryOptions {
  /** Sign webhooks, each `whsec_` and 24 to 64 bytes in base64. Default UNSTUCK_WEBHOOK_SECRET (separated by commas), then none: they go unsigned. */
  readonly webhookSecrets?: readonly string[] | undefined;
  /** `smtp://` or `smtps://`, with user and password where they are needed. Default UNSTUCK_SMTP_URL, then none: this process sends no e-mail. */
  readonly smtpUrl?: string | undefined;
  /** Needed beside `smtpUrl`. Default UNSTUCK_MAIL_FROM. */
  readonly mailFrom?: string | undefined;
  /** `refuse`, `allow`, or what is allowed besides public addresses. Default UNSTUCK_PRIVATE_ADDRESSES (separated by commas), then `refuse`. */
  readonly privateAddresses?: PrivateAddresses | undefined;
}

/** The parsed form. It holds secrets: it is no part of a connection's `config`. */
export interface DeliveryConfig {
  readonly webhookSecrets: readonly string[];
  /** Undefined: this process sends no e-mail. */
  readonly mail: { readonly url: string; readonly from: string } | undefined;
  readonly privateAddresses: PrivateAddresses;
}

/** Takes these options out of those of a connection. */
export function takeDeliveryOptions<O extends DeliveryOptions>(
  options: O,
): [own: DeliveryOptions, rest: Omit<O, keyof DeliveryOptions>] {
  const { webhookSecrets, smtpUrl, mailFrom, privateAddresses, ...rest } = options;
  return [{ webhookSecrets, smtpUrl, mailFrom, privateAddresses }, rest];
}

/** Parses options over environment over defaults. Throws OPTION_INVALID, which shows no secret. */
export function parseDeliveryOptions(
  given: DeliveryOptions,
  environment: Readonly<Record<string, string | undefined>>,
): DeliveryConfig {
  const read = (name: keyof typeof DELIVERY_OPTIONS, value: unknown): string =>
    parseOption(name, DELIVERY_OPTIONS[name], value, environment) as string;
  const secrets = listOf(read('webhookSecrets', joined(given.webhookSecrets)));
  const url = read('smtpUrl', given.smtpUrl);
  const from = read('mailFrom', given.mailFrom);
  if (url !== '' && from === '')
    throw invalid('mailFrom', 'to be given beside smtpUrl (UNSTUCK_MAIL_FROM), got none');
  if (url !== '' && !URL.canParse(url))
    throw invalid('smtpUrl', 'to be an address such as smtps://user:password@mail.example.com');
  return {
    webhookSecrets: secrets.map((secret) => checkWebhookSecret(secret, 'UNSTUCK_WEBHOOK_SECRET')),
    mail: url === '' ? undefined : { url, from },
    privateAddresses: readRule(read('privateAddresses', joined(given.privateAddresses))),
  };
}

function readRule(text: string): PrivateAddresses {
  const rule = text === 'refuse' || text === 'allow' ? text : listOf(text);
  try {
    new AddressGuard(rule).admits('127.0.0.1');
    return rule;
  } catch (cause) {
    const expected = (cause as Error).message.replace(/^Expected private addresses |\.$/g, '');
    throw invalid('privateAddresses', expected);
  }
}

function joined(value: unknown): unknown {
  return Array.isArray(value) ? value.join(',') : value;
}

function listOf(text: string): string[] {
  return text.split(',').flatMap((part) => part.trim() || []);
}

function invalid(name: string, wanted: string): Error {
  return unstuckError('OPTION_INVALID', `Expected option ${name} ${wanted}.`, {
    detail: { option: name },
  });
}
