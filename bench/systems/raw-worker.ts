/** Works for the floor: the end of a batch and the claim of the next are one statement. */
import { once } from 'node:events';
import { Client } from 'pg';
import type { RunningWorker, Work } from '../core/system.ts';
import type { RawRow, RawSettings } from './raw.ts';

const POLL_MS = 1_000;
const CLAIM = {
  name: 'claim',
  // By ctid, so that no statistics can turn the delete into a join over the whole table; the rows are locked in the
  // same statement and cannot move.
  text: `with ended as (delete from leased where id = any($1::bigint[])),
  taken as (
    delete from ready where ctid = any(array(
      select ctid from ready where (priority, id) > (0, $3::bigint)
      order by priority, id limit $2 for update skip locked))
    returning id, payload
  ),
  moved as (insert into leased (id, payload) select id, payload from taken)
  select id, payload from taken`,
};

/** Starts its loops. */
export async function startRawWorker(
  connectionString: string,
  work: Work,
  settings: RawSettings,
): Promise<RunningWorker> {
  const listener = new Client({ connectionString });
  await listener.connect();
  await listener.query('listen ready');
  const stop = new AbortController();
  const loops = Array.from({ length: settings.loops }, () =>
    loop(connectionString, listener, { work, settings, signal: stop.signal }),
  );
  return {
    stop: async () => {
      stop.abort();
      await Promise.all(loops);
      await listener.end();
    },
  };
}

interface Loop {
  readonly work: Work;
  readonly settings: RawSettings;
  readonly signal: AbortSignal;
}

async function loop(
  connectionString: string,
  listener: Client,
  { work, settings, signal }: Loop,
): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  let ended: readonly string[] = [];
  let last = '0';
  let rescanAt = performance.now() + POLL_MS;
  while (!signal.aborted) {
    const from = settings.cursor && performance.now() < rescanAt ? last : '0';
    const values = [ended, settings.batch, from];
    const { rows } = await client.query<RawRow>({ ...CLAIM, values });
    if (from === '0') rescanAt = performance.now() + POLL_MS;
    if (rows.length === 0 && ended.length === 0 && from === '0') await news(listener, signal);
    if (rows.length === 0) rescanAt = 0;
    for (const { payload } of rows) await work.handle(payload);
    ended = rows.map(({ id }) => id);
    last = ended.at(-1) ?? last;
  }
  await client.end();
}

/** Resolves with the next notification, after a second, or when the worker stops. */
async function news(listener: Client, signal: AbortSignal): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(POLL_MS)]);
  await once(listener, 'notification', { signal: over }).catch(() => undefined);
}
