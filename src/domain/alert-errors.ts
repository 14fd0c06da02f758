/** The error catalogue, of alerts: what each means, what to do, and its HTTP status. */
import type { CatalogueEntry } from './catalogue-entry.ts';

/** Codes of alerts and of the channels that tell them. */
export const ALERT_ERRORS = {
  ALERTS_INVALID: {
    status: 500,
    meaning: 'A definition of alerts, of one of its rules or of a channel is not what it must be.',
    fix: 'Correct what the message names; docs/alerts.md has every option.',
  },
  ALERTS_NOT_STARTED: {
    status: 409,
    meaning: 'This process has no definition of alerts, and so no rules and no channels.',
    fix: 'Give the module that exports `defineAlerts(…)` to `unstuck start`, `serve` or `work`, and to `unstuck alert rules`, `channels` and `test` (or `--url` to these); in code call `unstuck.alerts.start`.',
  },
  ALERT_NOT_FOUND: {
    status: 404,
    meaning: 'There is no alert with this id.',
    fix: 'Look at `unstuck alert list`; alerts are kept for as long as failed jobs after they are over.',
  },
  ALERT_STATE_CONFLICT: {
    status: 409,
    meaning: 'Only an alert that fires can be acknowledged.',
    fix: 'Look at the alert: one that is over needs nobody.',
  },
  CHANNEL_NOT_FOUND: {
    status: 404,
    meaning: 'The definition of alerts of this process has no channel of this name.',
    fix: 'Look at `unstuck alert channels`.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
ALERT_ERRORS satisfies Record<string, CatalogueEntry>;
