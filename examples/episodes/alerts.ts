// Who is told when the assembler is down: the administrator, by SMS, at most once in five minutes.
import { type AlertsDefinition, type Duration, defineAlerts, smsChannel } from 'unstuck';
import { smsAccount } from './sms-provider.ts';

/** Alerts that go to the administrator by the provider at an address. `rule` is the name under which it is remembered who was told when. */
export function alertsBy(
  apiUrl: string,
  { rule = 'assembler-down', interval = '10s' }: { rule?: string; interval?: Duration } = {},
): AlertsDefinition {
  return defineAlerts({
    channels: {
      administrator: smsChannel({
        ...smsAccount,
        from: '+15005550006',
        to: '+15005550107',
        apiUrl,
      }),
    },
    rules: [{ kind: 'target-down', name: rule, every: '5m' }],
    interval,
  });
}
