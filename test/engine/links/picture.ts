// What a world looks like between two steps: everything that the laws of links are about, read in one statement.
import type { Setup } from '../../support/unstuck.ts';

/** A live job. */
export interface LiveJob {
  readonly id: string;
  readonly type: string;
  readonly gate: string | null;
  readonly runs: boolean;
  readonly wants: string | null;
  readonly slot: string | null;
  readonly limit: string | null;
  readonly parent: string | null;
  readonly ordinal: number | null;
  readonly key: string | null;
}

/** A finished one. */
export interface EndedJob {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly reason: string | null;
  readonly token: number;
  readonly done_token: number | null;
}

/** Everything at one moment. */
export interface Picture {
  readonly now_ms: number;
  readonly live: readonly LiveJob[];
  readonly ended: readonly EndedJob[];
  readonly pools: readonly {
    readonly key: string;
    readonly capacity: number;
    readonly processed: number;
  }[];
  readonly limits: readonly {
    readonly name: string;
    readonly running: number | null;
    readonly rate_count: number | null;
    readonly rate_ms: number | null;
  }[];
  /** When jobs were let in at the keys of limits. */
  readonly starts: readonly { readonly key: string; readonly at_ms: readonly number[] }[];
  readonly plans: readonly { readonly parent: string; readonly expected: number }[];
  readonly executions: readonly {
    readonly parent: string;
    readonly ordinal: number;
    readonly state: string;
  }[];
  readonly windows: readonly { readonly key: string; readonly until_ms: number }[];
}

const MS = (column: string): string => `floor(extract(epoch from ${column}) * 1000)`;

const PICTURE = `
  select json_build_object('now_ms', ${MS('unstuck.clock()')},
    'live', (select coalesce(json_agg(json_build_object('id', j.id, 'type', j.type, 'gate', j.waits_for, 'runs', j.worker_id is not null,
      'wants', j.wants_pool, 'slot', j.slot_pool, 'limit', j.limit_key, 'parent', j.parent_id, 'ordinal', j.ordinal, 'key', j.unique_key)), '[]')
      from unstuck.jobs j),
    'ended', (select coalesce(json_agg(json_build_object('id', f.id, 'type', f.type, 'state', f.state, 'reason', f.reason, 'token', f.token,
      'done_token', f.done_token)), '[]') from unstuck.finished f),
    'pools', (select coalesce(json_agg(json_build_object('key', p.key, 'capacity', p.capacity, 'processed',
      p.processed + coalesce((select sum(d.n) from unstuck.pool_done d where d.pool = p.key), 0))), '[]') from unstuck.pools p),
    'limits', (select coalesce(json_agg(l), '[]') from unstuck.limits l),
    'starts', (select coalesce(json_agg(json_build_object('key', k.key, 'at_ms', array(select ${MS('s')} from unnest(k.started) s))), '[]')
      from unstuck.limit_keys k),
    'plans', (select coalesce(json_agg(json_build_object('parent', f.parent_id, 'expected', f.expected)), '[]') from unstuck.fan_outs f),
    'executions', (select coalesce(json_agg(json_build_object('parent', e.parent_id, 'ordinal', e.ordinal, 'state', e.state)), '[]')
      from unstuck.executions e),
    'windows', (select coalesce(json_agg(json_build_object('key', w.key, 'until_ms', ${MS('w.until')})), '[]') from unstuck.key_windows w)
  ) as picture`;

/** Takes the picture of a database as it is now. */
export async function take(query: Setup['query']): Promise<Picture> {
  const [row] = await query<{ picture: Picture }>(PICTURE);
  return row?.picture as Picture;
}

/** The live jobs that hold a slot of a pool. */
export const holdersOf = ({ live }: Picture, key: string): readonly LiveJob[] =>
  live.filter((one) => one.slot === key);

/** The live jobs that wait for a slot of a pool. */
export const waitersOf = ({ live }: Picture, key: string): readonly LiveJob[] =>
  live.filter((one) => one.wants === key && one.gate === 'slot');

/** The live jobs that take a place at the key of a limit: in the queue, or running. */
export const placedAt = ({ live }: Picture, key: string): readonly LiveJob[] =>
  live.filter((one) => one.limit === key && one.gate === null);

/** The live executions of a parent. */
export const childrenOf = ({ live }: Picture, parent: string): readonly LiveJob[] =>
  live.filter((one) => one.parent === parent);

/** A job that was let in at the key of a limit, and when at the earliest. */
export interface LetIn {
  readonly key: string;
  readonly at_ms: number;
}

/** Who was let in between two pictures: a job that stands in the queue and was neither there nor running before. */
export function letInBetween(before: Picture, now: Picture): LetIn[] {
  const placed = new Set(before.live.filter(({ gate }) => gate === null).map(({ id }) => id));
  return now.live.flatMap(({ id, limit: key, gate, runs }) =>
    key !== null && gate === null && !runs && !placed.has(id)
      ? [{ key, at_ms: before.now_ms }]
      : [],
  );
}
