/** The error catalogue, of what people and other systems are told: what each means, what to do, and its HTTP status. */
import type { CatalogueEntry } from './catalogue-entry.ts';

/** Codes of deliveries. */
export const DELIVERY_ERRORS = {
  NOTIFY_INVALID: {
    status: 422,
    meaning: 'Whom to tell of the end of a job is not a list of up to five addresses.',
    fix: 'Pass `{ webhook: "https://…" }` or `{ email: "ada@example.com" }`, or up to five of these; nothing was stored.',
  },
  DELIVERY_NOT_FOUND: {
    status: 404,
    meaning: 'There is no delivery with this id.',
    fix: 'Check the id; deliveries are kept for 7 days after they ended.',
  },
  DELIVERY_STATE_CONFLICT: {
    status: 409,
    meaning: 'Only a delivery that failed can be sent again.',
    fix: 'Look at the delivery: one that is pending is tried again by itself.',
  },
  DELIVERY_EXPIRED: {
    status: 503,
    meaning: 'The time of a delivery was over before a process sent it.',
    fix: 'Keep a process running that works or serves, then retry the delivery.',
  },
  CHANNEL_UNKNOWN: {
    status: 503,
    meaning: 'No process that has looked at the delivery knows its channel.',
    fix: 'Give a process that runs what the channel needs: for e-mail UNSTUCK_SMTP_URL, for alerts the definition of the channel.',
  },
  RECEIVER_REFUSED: {
    status: 502,
    meaning: 'The receiver of a delivery answered with another status than 2xx.',
    fix: 'Look at the receiver; it is tried again until it expires.',
  },
  RECEIVER_GONE: {
    status: 502,
    meaning: 'The receiver of a delivery answered 410: it wants nothing any more.',
    fix: 'Name another address at the next enqueue.',
  },
  MAIL_FAILED: {
    status: 502,
    meaning: 'An e-mail could not be handed to the mail server.',
    fix: 'Check UNSTUCK_SMTP_URL and the mail server; it is tried again until it expires.',
  },
  MAIL_REFUSED: {
    status: 502,
    meaning: 'The mail server refused an e-mail for good.',
    fix: 'Read what the server said: mostly the address, or the sender UNSTUCK_MAIL_FROM, is wrong.',
  },
  PACKAGE_MISSING: {
    status: 500,
    meaning: 'A package is not installed that only some users need.',
    fix: 'Install the package that the message names.',
  },
  SENDER_FAILED: {
    status: 500,
    meaning: 'What sends messages of a channel threw, or did not end in its time.',
    fix: 'Read the log of the process; it is tried again until it expires.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
DELIVERY_ERRORS satisfies Record<string, CatalogueEntry>;
