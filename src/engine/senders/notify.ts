/** Notify: the ways in which whoever asked for a job is told of its end. */
import type { DeliveryConfig } from '../../domain/delivery-options.ts';
import type { HttpCaller } from '../../std/http-call.ts';
import type { SenderFor } from '../senders.ts';
import { emailTo } from './email.ts';
import { webhookTo } from './webhook.ts';

/** Webhooks always, e-mail where a mail server is set: other processes may have one. */
export function notifySenders(
  caller: HttpCaller,
  { webhookSecrets, mail }: DeliveryConfig,
): SenderFor {
  return ({ purpose, channel, address }) => {
    if (purpose !== 'notify' || address === null) return undefined;
    if (channel === 'webhook') return webhookTo(caller, address, webhookSecrets);
    return channel === 'email' && mail !== undefined ? emailTo(mail, address) : undefined;
  };
}
