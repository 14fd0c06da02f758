// Alerts under test: rounds of the rules without waiting, things to alert of, and what channels would be told.

import { type ChannelDefinition, webhookChannel } from '../../../src/domain/alert-channels.ts';
import {
  type AlertsDefinition,
  type AlertsOptions,
  defineAlerts,
} from '../../../src/domain/define-alerts.ts';
import { ALERTS_TICK, evaluate } from '../../../src/features/alerts/evaluate.ts';
import { hastenTick, takeAlertTick } from '../../../src/sql/alerts.ts';
import type { Database } from '../../../src/storage/database.ts';
import type { Setup } from '../../support/unstuck.ts';

/** A message in the outbox. */
export interface Told {
  readonly channel: string;
  readonly event: string;
  readonly subject: string;
  readonly text: string;
  readonly severity: string;
  readonly total: number;
}

/** Rounds of a definition in an installation. */
export interface Rounds {
  readonly definition: AlertsDefinition;
  readonly database: Database;
  /** Does one round now. */
  readonly round: () => Promise<void>;
  /** Moves the clock to so long after the start, and does one round there. */
  readonly at: (interval: string) => Promise<void>;
  /** Everything that was put into the outbox so far, in its order. */
  readonly told: () => Promise<readonly Told[]>;
  /** Lets there be a finding, or no more. */
  readonly finding: (subject: string, is?: boolean) => Promise<void>;
}

const SECRET = `whsec_${Buffer.alloc(32).toString('base64')}`;

/** A channel whose messages stay in the outbox. */
export function someChannel(
  options: Partial<Parameters<typeof webhookChannel>[0]> = {},
): ChannelDefinition {
  return webhookChannel({ url: 'http://127.0.0.1:9/', secret: SECRET, ...options });
}

/** One rule on findings, and one channel, unless said otherwise. */
export function rounds(all: Setup, options: Partial<AlertsOptions> = {}): Rounds {
  const definition = defineAlerts({
    channels: { ops: someChannel() },
    rules: [{ kind: 'findings', for: '0s', clearAfter: '0s', repeat: false }],
    ...options,
  });
  const database = all.database();
  const round = async (): Promise<void> => {
    await database.run(hastenTick, [ALERTS_TICK, 0]);
    const [taken] = await database.run(takeAlertTick, [ALERTS_TICK, 10_000]);
    if (taken === undefined) throw new Error('The tick was not due.');
    await evaluate(database, definition, taken.round, all.unstuck.log);
  };
  return {
    definition,
    database,
    round,
    at: async (interval) => {
      await all.moveClock(interval);
      await round();
    },
    told: () =>
      all.query<Told>(`select channel, payload ->> 'event' as event, payload ->> 'subject' as subject, payload ->> 'text' as text,
        payload ->> 'severity' as severity, (payload -> 'data' ->> 'total')::integer as total
        from unstuck.deliveries where purpose = 'alert' order by created_at, id`),
    finding: async (subject, is = true) => {
      if (is)
        await all.query(
          `insert into unstuck.findings (kind, subject, reason, action, count, oldest, first_seen, last_seen, next_look)
            values ('queued', $1, 'no live worker', 'start one', 3, now(), now(), now(), now() + interval '10 years') on conflict do nothing`,
          [subject],
        );
      else await all.query('delete from unstuck.findings where subject = $1', [subject]);
    },
  };
}
