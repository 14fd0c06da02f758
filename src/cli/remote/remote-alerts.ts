/** Remote alerts: those of a server, and the rules and channels of the process that answers. */
import type { Alert, Told } from '../../domain/alert.ts';
import type { Client } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson } from './crossing.ts';
import { orUndefined } from './pages.ts';

/** The alerts of a server. */
export function remoteAlerts(client: Client): Operable['alerts'] {
  return {
    list: async ({ state, rule, limit } = {}) => {
      const states = state === undefined ? undefined : [state].flat();
      return (await client.listAlerts({ state: states, rule, limit })).data.map(toAlert);
    },
    get: async (id) => {
      const found = await orUndefined(client.getAlert({ id }), 'ALERT_NOT_FOUND');
      return found && toAlert(found);
    },
    acknowledge: async (id, { reason } = {}) =>
      toAlert(await client.acknowledgeAlert({ id, reason })),
    silence: async (id, { reason, for: length } = {}) =>
      toAlert(await client.silenceAlert({ id, reason, for: length })),
    unsilence: async (id, { reason } = {}) => toAlert(await client.unsilenceAlert({ id, reason })),
    rules: async () => fromJson((await client.listAlertRules()).data),
    channels: async () => fromJson((await client.listAlertChannels()).data),
    test: async (channel) => fromJson(await client.testAlertChannel({ name: channel })),
  };
}

/** What channels were told is a list over HTTP, since their names belong to the user. */
function toAlert(answer: unknown): Alert {
  const { told, ...rest } = fromJson<Omit<Alert, 'told'> & { told: readonly ToldOne[] }>(answer);
  const entries = told.map(({ channel, state, at }) => [channel, { state, at }]);
  return { ...rest, told: Object.fromEntries(entries) as Alert['told'] };
}

type ToldOne = Told & { readonly channel: string };
