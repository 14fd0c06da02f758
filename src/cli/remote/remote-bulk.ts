/** Remote bulk: changes of many jobs that a server does; whoever asked for one looks how far it has come. */
import type {
  BulkAction,
  BulkOptions,
  BulkResult,
  BulkRetryOptions,
  BulkSelection,
} from '../../domain/bulk.ts';
import { type ErrorCode, RemoteError } from '../../domain/errors.ts';
import type {
  BulkDryRun,
  Client,
  NewBulkAction,
  BulkAction as RunningAction,
} from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson, toJson } from './crossing.ts';
import { lookUntil } from './patience.ts';

/** Changes of many jobs on a server. */
export function remoteBulk(client: Client): Pick<Operable['bulk'], BulkAction> {
  return {
    retry: (selection, options = {}) => change(client, 'retry', selection, options),
    cancel: (selection, options = {}) => change(client, 'cancel', selection, options),
    delete: (selection, options = {}) => change(client, 'delete', selection, options),
  };
}

async function change(
  client: Client,
  action: BulkAction,
  selection: BulkSelection,
  { reason, input, dryRun, ...follow }: BulkRetryOptions,
): Promise<BulkResult> {
  const asked: NewBulkAction = {
    ...chosen(selection),
    action,
    reason,
    ...(input === undefined ? {} : { input }),
    ...(dryRun === true ? { dry_run: true } : {}),
  };
  const started = await client.startBulkAction(asked);
  if ('dry_run' in started) return foreseen(started);
  return ended(await followed(client, started, follow));
}

function chosen(selection: BulkSelection): Pick<NewBulkAction, 'ids' | 'filter'> {
  if ('ids' in selection) return { ids: selection.ids };
  return { filter: toJson<NonNullable<NewBulkAction['filter']>>(selection.filter) };
}

/** Looks until it has ended; the signal ends it on the server, between two chunks. */
async function followed(
  client: Client,
  { id }: RunningAction,
  { signal, onProgress }: BulkOptions,
): Promise<RunningAction> {
  let aborting = false;
  const look = async (): Promise<RunningAction | undefined> => {
    if (signal?.aborted === true && !aborting) {
      aborting = true;
      await client.abortBulkAction({ id }).catch(() => undefined);
    }
    const action = await client.getBulkAction({ id });
    onProgress?.({ matched: action.matched, done: action.done, refused: action.refused_count });
    return action.state === 'running' || action.state === 'stalled' ? undefined : action;
  };
  return lookUntil(look, () => '', {});
}

function foreseen({ complete, ...found }: BulkDryRun): BulkResult {
  return { ...fromJson<BulkResult>(found), done: 0, aborted: !complete, auditId: null };
}

function ended(action: RunningAction): BulkResult {
  const { id, state, error } = action;
  if (error !== null)
    throw new RemoteError(error.code as ErrorCode, error.message, {
      status: 500,
      hint: 'What it had done before stays done: look at it in the audit.',
      detail: { id, done: action.done },
    });
  return {
    action: action.action,
    dryRun: false,
    matched: action.matched,
    done: action.done,
    refused: fromJson(action.refused),
    refusedCount: action.refused_count,
    ids: [],
    aborted: state !== 'done',
    auditId: id,
  };
}
