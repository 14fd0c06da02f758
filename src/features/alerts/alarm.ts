/** Alarm: the loops by which one process looks at the rules and beats. None of them needs a worker, a job or the sweep. */
import { type AlertsDefinition, isAlertsDefinition } from '../../domain/define-alerts.ts';
import { unstuckError } from '../../domain/errors.ts';
import type { Log } from '../../domain/log.ts';
import { type ChannelTools, channelSender } from '../../engine/senders/channels.ts';
import type { Sender, Senders } from '../../engine/senders.ts';
import { alertsAreDue, takeAlertTick } from '../../sql/alerts.ts';
import { Loop, stalledOf } from '../../std/loop.ts';
import { shown } from '../../std/shown.ts';
import { settlesWithin } from '../../std/timer.ts';
import { type Database, withoutPassword } from '../../storage/database.ts';
import { isConnectionLost } from '../../storage/postgres-errors.ts';
import { DatabaseWatch } from './database-watch.ts';
import { ALERTS_TICK, evaluate } from './evaluate.ts';
import { Heart } from './heart.ts';
import { sendTest, type TestedChannel, tellOfDatabase } from './messenger.ts';

/** What an alarm uses of its process. */
export interface AlarmTools extends ChannelTools {
  readonly senders: Senders;
  /** Sends what the outbox holds, without waiting for the sweep, which may be what is dead. */
  readonly deliver: () => void;
}

const STOP_MS = 10_000;

/** The alarm of one process; it does nothing before it is started. */
export class Alarm {
  #database: Database;
  #log: Log;
  #tools: AlarmTools;
  #definition: AlertsDefinition | undefined;
  #own: Database | undefined;
  #channels: ReadonlyMap<string, Sender> = new Map();
  #loops: readonly Loop[] = [];
  #watch: DatabaseWatch | undefined;
  #leave: (() => void) | undefined;
  #telling = new Set<Promise<void>>();
  #stopped = false;

  constructor(database: Database, log: Log, tools: AlarmTools) {
    this.#database = database;
    this.#log = log;
    this.#tools = tools;
  }

  /** What it was started with. Throws ALERTS_NOT_STARTED. */
  get definition(): AlertsDefinition {
    if (this.#definition !== undefined) return this.#definition;
    throw unstuckError(
      'ALERTS_NOT_STARTED',
      'This process has no definition of alerts. Export `defineAlerts(…)` from a module of `unstuck start`, `serve` or `work`, or call unstuck.alerts.start.',
    );
  }

  /** Whether it has been started. */
  get started(): boolean {
    return this.#definition !== undefined;
  }

  /** Looks at the rules from now on, beats, and sends by the channels. Throws ALERTS_INVALID, also when it has been started with another definition. */
  start(definition: AlertsDefinition): void {
    if (!isAlertsDefinition(definition))
      throw unstuckError(
        'ALERTS_INVALID',
        `Expected a definition made with defineAlerts, got ${shown(definition)}.`,
      );
    if (this.#definition === definition || this.#stopped) return;
    if (this.#definition !== undefined)
      throw unstuckError(
        'ALERTS_INVALID',
        'Expected one definition of alerts for a process, got a second one. Put all rules and channels into one defineAlerts.',
      );
    this.#definition = definition;
    this.#own = this.#database.forSweep();
    this.#channels = new Map(
      [...definition.channels].map(([name, one]) => [name, channelSender(one, this.#tools)]),
    );
    this.#leave = this.#tools.senders.add(({ purpose, channel }) =>
      purpose === 'alert' ? this.#channels.get(channel) : undefined,
    );
    this.#watch = new DatabaseWatch(
      withoutPassword(this.#database.url)
        .replace(/^\w+:\/\/(?:[^/@]*@)?/, '')
        .replace(/\?.*$/, ''),
      definition.databaseLostAfterMs,
      (item) => this.#tell(tellOfDatabase(definition, this.#channels, item, this.#log)),
    );
    this.#loops = this.#makeLoops(definition, this.#own);
    for (const loop of this.#loops) loop.start();
  }

  /** Sends a message by a channel, at once and past the outbox; resolves with what its API said. Throws CHANNEL_NOT_FOUND or ALERTS_NOT_STARTED. */
  async test(channel: string): Promise<TestedChannel> {
    const { channels } = this.definition;
    const sender = this.#channels.get(channel);
    if (sender !== undefined) return sendTest(channel, sender);
    throw unstuckError(
      'CHANNEL_NOT_FOUND',
      `There is no channel ${shown(channel)}. There are: ${[...channels.keys()].join(', ')}.`,
      { detail: { channel } },
    );
  }

  /** The names of its loops that have no pulse. */
  get stalled(): string[] {
    return stalledOf(this.#loops);
  }

  /** Stops; resolves when the rounds that run have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#leave?.();
    const over = Promise.all([...this.#loops.map((loop) => loop.stop()), ...this.#telling]);
    await settlesWithin(over, STOP_MS);
    this.#tools.caller.close();
    await this.#own?.close();
  }

  #makeLoops(definition: AlertsDefinition, own: Database): readonly Loop[] {
    const onError = (error: unknown, loop: string): void => {
      if (isConnectionLost(error)) this.#watch?.failed((error as Error).message);
      this.#log.warn('loop_failed', { loop, error });
    };
    const alerts = new Loop({
      name: 'alerts',
      round: () => this.#round(definition, own),
      onError,
      retryMs: 1_000,
    });
    if (definition.beat === null) return [alerts];
    const heart = new Heart(own, definition.beat, this.#tools.caller, this.#log);
    const round = (signal: AbortSignal): Promise<number> => heart.round(signal);
    return [alerts, new Loop({ name: 'beat', round, onError, retryMs: 1_000 })];
  }

  async #round(definition: AlertsDefinition, own: Database): Promise<number> {
    const { intervalMs } = definition;
    const [taken] = await own.run(takeAlertTick, [ALERTS_TICK, intervalMs]);
    this.#watch?.answered();
    if (taken !== undefined) await evaluate(own, definition, taken.round, this.#log);
    const [waiting] = await own.run(alertsAreDue);
    if (waiting?.due === true) this.#tools.deliver();
    // Never less than the interval: who comes before the tick is due finds nothing to do, and a single process would look every other time.
    return intervalMs * (1 + Math.random() * 0.05);
  }

  #tell(telling: Promise<void>): void {
    const told = telling
      .catch((error: unknown) => this.#log.error('alert_failed', { error }))
      .finally(() => this.#telling.delete(told));
    this.#telling.add(told);
  }
}
