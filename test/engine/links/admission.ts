// What an enqueue must answer, by the picture before it: the model of admission.
import { holdersOf, type Picture, waitersOf } from './picture.ts';

/** What a producer asks for. */
export interface Wish {
  readonly pool: string;
  readonly customer: string;
  readonly whenFull: 'wait' | 'refuse';
  readonly hold: boolean;
  readonly delay: number;
  readonly priority: number;
  readonly key?: string;
  readonly whenTaken?: 'return' | 'refuse' | 'replace';
  readonly keyWindow?: number;
}

const POOLED: ReadonlySet<string> = new Set(['slotted', 'both', 'fan']);

/** The answer that an enqueue must give: a free key and a free slot are always usable, a taken one never. */
export function expectation(
  now: Picture,
  type: string,
  wish: Wish,
): { id?: string; reason: string } {
  const { key, whenTaken = 'return' } = wish;
  const holder = key === undefined ? undefined : now.live.find((one) => one.key === key);
  if (holder !== undefined) {
    if (whenTaken === 'return') return { id: holder.id, reason: 'key-live' };
    const replaceable =
      whenTaken === 'replace' &&
      holder.type === type &&
      !holder.runs &&
      countsAlike(holder, type, wish);
    return replaceable ? { id: holder.id, reason: 'replaced' } : { reason: 'KEY_TAKEN' };
  }
  if (isRefused(now, type, wish)) return { reason: 'SLOTS_EXHAUSTED' };
  const open = now.windows.some((one) => one.key === key && one.until_ms > now.now_ms);
  return { reason: open && wish.keyWindow !== undefined ? 'key-window' : 'created' };
}

/** Another input must not take a job to another pool or customer: it holds what the first one asked for. */
function countsAlike(
  { wants, limit }: Picture['live'][number],
  type: string,
  { pool, customer }: Wish,
): boolean {
  if (POOLED.has(type) && wants !== pool) return false;
  return type !== 'limited' || limit === `type:limited#${customer}`;
}

function isRefused(now: Picture, type: string, { pool, whenFull, hold }: Wish): boolean {
  if (!POOLED.has(type) || hold || whenFull === 'wait') return false;
  const capacity = now.pools.find(({ key }) => key === pool)?.capacity ?? 0;
  return holdersOf(now, pool).length >= capacity || waitersOf(now, pool).length > 0;
}
