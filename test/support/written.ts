// What a stretch of work wrote, read from the write-ahead log itself: rows, index entries and bytes, and nothing that depends on time.
import type pg from 'pg';

/** What was written per job, each figure rounded to a tenth. */
export interface Written {
  /** Row operations, such as `jobs HOT_UPDATE`; locks of rows are left out. */
  readonly rows: Readonly<Record<string, number>>;
  /** New entries per index. */
  readonly entries: Readonly<Record<string, number>>;
  /** Bytes of all records about rows and indexes, without the page images that only a checkpoint brings. */
  readonly bytes: number;
}

interface Counted {
  readonly relation: string;
  readonly manager: string;
  readonly kind: string;
  readonly count: number;
  readonly bytes: number;
}

/** The versions of PostgreSQL whose extension pg_walinspect tells to which relation a record belongs. */
export const WRITTEN_SINCE = 16;

/** A partition counts as its table. A leaf that splits takes the new entry in the same record. */
const COUNT = `
  with blocks as (
    select distinct on (start_lsn) resource_manager, record_type, reltablespace, relfilenode,
      record_length - coalesce(sum(block_fpi_length) over (partition by start_lsn), 0) as bytes
    from pg_get_wal_block_info($1::pg_lsn, $2::pg_lsn, show_data => false)
    where reldatabase = (select oid from pg_database where datname = current_database())
    order by start_lsn, block_id
  ), known as (
    select b.*, coalesce(pg_partition_root(r.oid), r.oid) as root
    from blocks b cross join lateral (select pg_filenode_relation(b.reltablespace, b.relfilenode) as oid) r
  )
  select c.relname as relation, k.resource_manager as manager, k.record_type as kind, count(*)::integer as count, sum(k.bytes)::float8 as bytes
  from known k join pg_class c on c.oid = k.root
  where c.relnamespace = 'unstuck'::regnamespace
  group by 1, 2, 3`;

/** Runs `work`, which handles this many jobs, and returns what it wrote per job in the schema `unstuck`. */
export async function writtenPerJob(
  client: pg.Client,
  jobs: number,
  work: () => Promise<unknown>,
): Promise<Written> {
  await client.query('create extension if not exists pg_walinspect');
  const from = await flushed(client);
  await work();
  const { rows } = await client.query<Counted>(COUNT, [from, await flushed(client)]);
  const share = (total: number): number => Math.round((total / jobs) * 10) / 10;
  const sum = (
    some: readonly Counted[],
    name: (one: Counted) => string,
  ): Record<string, number> => {
    const totals = new Map<string, number>();
    for (const one of some) totals.set(name(one), (totals.get(name(one)) ?? 0) + one.count);
    const shares = [...totals].map(([key, count]) => [key, share(count)] as const);
    return Object.fromEntries(shares.filter(([, value]) => value > 0));
  };
  const heap = rows.filter(({ manager, kind }) => manager === 'Heap' && kind !== 'LOCK');
  const index = rows.filter(
    ({ manager, kind }) => manager === 'Btree' && /^(INSERT|SPLIT)/.test(kind),
  );
  return {
    rows: sum(heap, ({ relation, kind }) => `${relation} ${kind.replace('+INIT', '')}`),
    entries: sum(index, ({ relation }) => relation),
    bytes: rows.reduce((bytes, one) => bytes + one.bytes, 0) / jobs,
  };
}

async function flushed(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ lsn: string }>(
    'select pg_current_wal_flush_lsn()::text as lsn',
  );
  return rows[0]?.lsn ?? '';
}
