/** Every statement by name: what the statements test PREPAREs on a migrated schema. */
import * as admin from './admin.ts';
import * as alertRules from './alert-rules.ts';
import * as alerts from './alerts.ts';
import * as audit from './audit.ts';
import * as bridges from './bridges.ts';
import * as bulk from './bulk.ts';
import * as bulkActions from './bulk-actions.ts';
import * as claim from './claim.ts';
import * as deliveries from './deliveries.ts';
import * as dispatches from './dispatches.ts';
import * as enqueue from './enqueue.ts';
import * as executions from './executions.ts';
import * as findings from './findings.ts';
import * as fleet from './fleet.ts';
import * as inspect from './inspect.ts';
import * as jobFilter from './job-filter.ts';
import * as lifeline from './lifeline.ts';
import * as limits from './limits.ts';
import * as links from './links.ts';
import * as migrate from './migrate.ts';
import * as partitions from './partitions.ts';
import * as pools from './pools.ts';
import * as pull from './pull.ts';
import * as queues from './queues.ts';
import * as requests from './requests.ts';
import * as resetStuck from './reset-stuck.ts';
import * as schedules from './schedules.ts';
import * as session from './session.ts';
import * as settle from './settle.ts';
import type { Statement } from './sql.ts';
import * as sweep from './sweep.ts';
import * as targetLook from './target-look.ts';
import * as targets from './targets.ts';
import * as testing from './testing.ts';
import * as ticks from './ticks.ts';
import * as tokens from './tokens.ts';
import * as watch from './watch.ts';
import * as why from './why.ts';

/** All statements of this floor. */
export const STATEMENTS: readonly Statement<unknown>[] = [
  admin,
  alertRules,
  alerts,
  audit,
  bridges,
  bulk,
  bulkActions,
  claim,
  deliveries,
  dispatches,
  enqueue,
  executions,
  findings,
  fleet,
  inspect,
  jobFilter,
  lifeline,
  limits,
  links,
  migrate,
  partitions,
  pools,
  pull,
  queues,
  requests,
  resetStuck,
  schedules,
  session,
  settle,
  sweep,
  targetLook,
  targets,
  testing,
  ticks,
  why,
  watch,
  tokens,
].flatMap((topic) => Object.values(topic).filter(isStatement));

function isStatement(value: unknown): value is Statement<unknown> {
  return typeof value === 'object' && value !== null && 'build' in value && 'name' in value;
}
