/** Notify: whom to tell when a job has ended, as an enqueue names it. */
import { readUrl } from '../std/http-request.ts';
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';

/** Whom to tell of the end of a job, one way each: an http(s) URL of at most 2,000 characters without user and password, or an e-mail address. */
export type Notify =
  | { readonly webhook: string; readonly email?: never }
  | { readonly email: string; readonly webhook?: never };

/** How long it is tried when the stored address does not say. */
export const NOTIFY_FOR_MS = 259_200_000;
const ADDRESSES_MAX = 5;
const URL_MAX = 2_000;
const EMAIL_MAX = 254;
/** As the database checks it, too: what it stores must be told without fail. */
const URL_FORM = /^https?:\/\/[^\s/?#@]+(?:[/?#]\S*)?$/;
const EMAIL_FORM = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?$/;

/** Returns the addresses as JSON text, as they are stored, to be tried for `forMs`; undefined when there are none. Throws NOTIFY_INVALID. */
export function checkNotify(given: unknown, forMs: number): string | undefined {
  if (given === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length < 1 || list.length > ADDRESSES_MAX)
    throw invalid(`notify to be 1 to ${ADDRESSES_MAX} addresses`, `${list.length} of them`);
  const bound = forMs === NOTIFY_FOR_MS ? {} : { for_ms: forMs };
  return JSON.stringify(list.map((one) => ({ ...checkOne(one), ...bound })));
}

/** Whether an e-mail is to be sent of what `checkNotify` returned. */
export function tellsByEmail(notify: string | undefined): boolean {
  return notify?.includes('"email":') ?? false;
}

/** Whether a value is one plain e-mail address, that nobody can read as two, or as one with a name. */
export function isEmail(address: unknown): address is string {
  return typeof address === 'string' && address.length <= EMAIL_MAX && EMAIL_FORM.test(address);
}

function checkOne(value: unknown): Notify {
  const [entry, ...others] =
    typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const [way, address]: readonly [string?, unknown?] = entry ?? [];
  if (others.length === 0 && way === 'webhook') return { webhook: checkUrl(address) };
  if (others.length === 0 && way === 'email') return { email: checkEmail(address) };
  // An address may be secret: of what is no address only the names of its parts are told.
  const got =
    way === undefined
      ? shown(typeof value)
      : `{ ${[way, ...others.map(([name]) => name)].join(', ')} }`;
  throw invalid("notify to be { webhook: 'https://…' } or { email: 'ada@example.com' }", got);
}

function checkUrl(address: unknown): string {
  const wanted = `the webhook of notify to be an http or https URL of at most ${URL_MAX} characters without user and password`;
  if (typeof address !== 'string') throw invalid(wanted, shown(typeof address));
  const good =
    address.length <= URL_MAX && URL_FORM.test(address) && readUrl(address) !== undefined;
  if (!good) throw invalid(wanted, `one of ${address.length} characters that is not`);
  return address;
}

function checkEmail(address: unknown): string {
  if (isEmail(address)) return address;
  throw invalid(
    `the email of notify to be one plain address such as ada@example.com, of at most ${EMAIL_MAX} characters`,
    shown(address),
  );
}

function invalid(wanted: string, got: string): Error {
  return unstuckError('NOTIFY_INVALID', `Expected ${wanted}, got ${got}. Nothing was stored.`);
}
