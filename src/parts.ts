/** Parts: everything of one connection that works together, wired for the object that users hold. */
import type { Log } from './domain/log.ts';
import { Meter } from './domain/meter.ts';
import { Enqueuer } from './engine/enqueuer.ts';
import { Fleet } from './engine/fleet.ts';
import { JobReader } from './engine/job-reader.ts';
import { Preparer } from './engine/preparer.ts';
import type { Chore } from './engine/sweeper.ts';
import { TypeRegistry } from './engine/type-registry.ts';
import { Waiter } from './engine/waiter.ts';
import { BulkActions } from './features/bulk/bulk-actions.ts';
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
import { Watch } from './features/watch.ts';
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
  readonly meter: Meter;
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
  readonly redis: Bridges;
}

/** Wires the parts of a connection; those of a view of it use what `whole` shares, and look through connections of their own. */
export function partsOf(database: Database, log: Log, whole?: Parts): Parts {
  const shared = whole ?? share(database, log);
  const { enqueuer, types, fleet, meter } = shared;
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
    redis: new Bridges(database, shared.bridgeRunner),
  };
}

function share(database: Database, log: Log): Shared {
  const meter = new Meter();
  const enqueuer = new Enqueuer(database, log, (ready) => fleet.ready(ready), meter);
  const types = new TypeRegistry(database);
  const waiter = new Waiter((id) => readJob(database, id));
  const bulkActions = new BulkActions(database, log);
  const chores: readonly Chore[] = [
    { name: 'schedules', work: 'schedules', run: (on) => fireDue(on, enqueuer, log) },
    { name: 'bulk actions', work: 'bulk-actions', run: () => bulkActions.adopt() },
  ];
  const fleet: Fleet = new Fleet(database, log, (id) => waiter.ended(id), meter, chores);
  const preparer = new Preparer(database.config, types);
  return {
    enqueuer,
    preparer,
    requests: new Requests(database, enqueuer),
    types,
    fleet,
    waiter,
    bulkActions,
    pull: new Pull(database, fleet, log, meter),
    meter,
    bridgeRunner: new BridgeRunner(database, { enqueuer, preparer }, log),
  };
}
