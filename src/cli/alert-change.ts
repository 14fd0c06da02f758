/** `unstuck alert ack`, `silence` and `unsilence`: what people do about alerts. */
import type { Duration } from '../std/duration.ts';
import { showAlert } from './alert-look.ts';
import { EXIT } from './exit-codes.ts';
import type { Operable } from './operable.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { whoAmI } from './who.ts';

/** Why, and for how long. */
export interface AlertChangeOptions extends Globals {
  readonly reason?: string;
  readonly for?: Duration;
}

/** Acknowledges an alert: exit code 3 when there is none. */
export function acknowledge(options: AlertChangeOptions, id: string): Promise<number> {
  return change(options, (alerts, actor) => alerts.acknowledge(id, actor));
}

/** Silences an alert: exit code 3 when there is none. */
export function silence(options: AlertChangeOptions, id: string): Promise<number> {
  return change(options, (alerts, actor) => alerts.silence(id, { ...actor, for: options.for }));
}

/** Ends a silence: exit code 3 when there is no such alert. */
export function unsilence(options: AlertChangeOptions, id: string): Promise<number> {
  return change(options, (alerts, actor) => alerts.unsilence(id, actor));
}

async function change(
  options: AlertChangeOptions,
  work: (
    alerts: Operable['alerts'],
    actor: { readonly by: string; readonly reason: string | undefined },
  ) => ReturnType<Operable['alerts']['acknowledge']>,
): Promise<number> {
  const actor = { by: whoAmI(), reason: options.reason };
  showAlert(
    openScreen(options.output),
    await withUnstuck(options, ({ alerts }) => work(alerts, actor)),
  );
  return EXIT.ok;
}
