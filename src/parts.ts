/** Parts: everything of one connection that works together, wired for the object that users hold. */
import type { DeliveryConfig } from './domain/delivery-options.ts';
import type { Log } from './domain/log.ts';
import { Meter } from './domain/meter.ts';
import { Deliverer } from './engine/deliverer.ts';
import { Dispatcher } from './engine/dispatcher.ts';
import { Enqueuer } from './engine/enqueuer.ts';
import { Fleet } from './engine/fleet.ts';
import { JobReader } from './engine/job-reader.ts';
import { Preparer } from './engine/preparer.ts';
import { PullClaims } from './engine/pull-claims.ts';
import { PullEnds } from './engine/pull-ends.ts';
import { notifySenders } from './engine/senders/notify.ts';
import { Senders } from './engine/senders.ts';
import type { Chore } from './engine/sweeper.ts';
import { TargetCalls } from './engine/target-calls.ts';
import { TargetSweep } from './engine/target-sweep.ts';
import { TypeRegistry } from './engine/type-registry.ts';
import { Waiter } from './engine/waiter.ts';
import { Alarm } from './features/alerts/alarm.ts';
import { Alerts } from './features/alerts/alerts.ts';
import { BulkActions } from './features/bulk/bulk-actions.ts';
import { Deliveries } from './features/deliveries.ts';
import { Executions } from './features/executions.ts';
import { Limits } from './features/limits.ts';
import { Pools } from './features/pools.ts';
import { Pull } from './features/pull.ts';
import { Queues } from './features/queues.ts';
import { BridgeRunner } from './features/redis/bridge-runner.ts';
import { Bridges } from './features/redis/bridges.ts';
import { Requests } from './features/requests/requests.ts';
import { fireDue } from './features/schedules/fire.ts';
import { Schedules } from './features/schedules/schedules.ts';
import { Targets } from './features/targets.ts';
import { Watch } from './features/watch.ts';
import { HttpCaller } from './std/http-call.ts';
import type { Database } from './storage/database.ts';
import { readJob } from './storage/jobs.ts';

/** What a connection and its views share: it enqueues, works and sweeps for all of them. */
interface Shared {
  readonly enqueuer: Enqueuer;
  readonly preparer: Preparer;
  readonly requests: Requests;
  readonly types: TypeRegistry;
  readonly fleet: Fleet;
  readonly waiter: Waiter;
  readonly bulkActions: BulkActions;
  readonly pull: Pull;
  readonly dispatcher: Dispatcher;
  readonly targetSweep: TargetSweep;
  readonly meter: Meter;
  readonly senders: Senders;
  readonly caller: HttpCaller;
  readonly alarm: Alarm;
  readonly bridgeRunner: BridgeRunner;
}

/** The parts of one connection. */
export interface Parts extends Shared {
  readonly reader: JobReader;
  readonly watch: Watch;
  readonly pools: Pools;
  readonly limits: Limits;
  readonly queues: Queues;
  readonly executions: Executions;
  readonly schedules: Schedules;
  readonly targets: Targets;
  readonly deliveries: Deliveries;
  readonly alerts: Alerts;
  readonly redis: Bridges;
}

/** Wires the parts of a connection; those of a view of it use what `whole` shares, and look through connections of their own. */
export function partsOf(database: Database, log: Log, from: DeliveryConfig | Parts): Parts {
  const shared = 'fleet' in from ? from : share(database, log, from);
  const { enqueuer, types, fleet, meter, dispatcher, alarm } = shared;
  const onReady = (ready: ReadonlySet<string> | undefined): void => fleet.ready(ready);
  return {
    ...shared,
    reader: new JobReader(database),
    watch: new Watch(database, meter),
    pools: new Pools(database, onReady),
    limits: new Limits(database, onReady),
    queues: new Queues(database, onReady),
    executions: new Executions(database),
    schedules: new Schedules(database, enqueuer, types),
    targets: new Targets(database, types, dispatcher.calls),
    deliveries: new Deliveries(database),
    alerts: new Alerts(database, alarm),
    redis: new Bridges(database, shared.bridgeRunner),
  };
}

function share(database: Database, log: Log, telling: DeliveryConfig): Shared {
  const meter = new Meter();
  const onReady = (ready?: ReadonlySet<string>): void => fleet.ready(ready);
  const onEnded = (id: string): void => waiter.ended(id);
  const enqueuer = new Enqueuer(database, log, onReady, meter);
  const types = new TypeRegistry(database);
  const waiter = new Waiter((id) => readJob(database, id));
  const bulkActions = new BulkActions(database, log);
  const ends = new PullEnds(database, log, { ready: onReady, ended: onEnded }, meter);
  const dispatcher = new Dispatcher(database, new TargetCalls(database, telling), ends, log);
  const targetSweep = new TargetSweep(database, dispatcher, log);
  const chores: readonly Chore[] = [
    { name: 'schedules', work: 'schedules', run: (on) => fireDue(on, enqueuer, log) },
    { name: 'bulk actions', work: 'bulk-actions', run: () => bulkActions.adopt() },
    { name: 'targets', work: 'targets', run: (on, untilMs) => targetSweep.run(on, untilMs) },
  ];
  const caller = new HttpCaller(telling);
  const senders = new Senders();
  senders.add(notifySenders(caller, telling));
  const deliverer = new Deliverer(database, log, senders);
  const loops = { deliverer, dispatcher };
  const fleet: Fleet = new Fleet(database, log, onEnded, meter, loops, chores);
  const claims = new PullClaims(database, log, fleet.readiness, meter);
  const preparer = new Preparer(database.config, types, emailReporter(log, telling));
  return {
    enqueuer,
    preparer,
    requests: new Requests(database, enqueuer),
    types,
    fleet,
    waiter,
    bulkActions,
    pull: new Pull(fleet, claims, ends),
    dispatcher,
    targetSweep,
    meter,
    bridgeRunner: new BridgeRunner(database, { enqueuer, preparer }, log),
    senders,
    caller,
    alarm: new Alarm(database, log, {
      log,
      senders,
      mail: telling.mail,
      // Where alerts go is written in the application itself: a server of one's own is as good as a public one.
      caller: new HttpCaller({ privateAddresses: 'allow' }),
      deliver: () => void deliverer.wake(),
    }),
  };
}

/** Returns what says once that somebody is to be told by e-mail while this process has no mail server: another one must have one. */
function emailReporter(log: Log, { mail }: DeliveryConfig): () => void {
  let said = mail !== undefined;
  return () => {
    if (said) return;
    said = true;
    log.warn('notify_email_unconfigured', {
      effect:
        'e-mail is sent by processes that have UNSTUCK_SMTP_URL; without one it fails when its time is over',
    });
  };
}
