// The laws of death: silence needs a lease, a lost lock its grace, proof nothing; an outage or a clock that jumped kills nobody.
import { describe, expect, test } from 'vitest';
import { FleetWatch } from '../../src/engine/fleet-watch.ts';
import { thisProcess } from '../../src/storage/host.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

/** A worker that exists only as a row: its process is elsewhere, and says nothing more. */
async function absent(query: Setup['query'], name: string, leaseMs = 1_000): Promise<string> {
  const [row] = await query<{ id: string }>(
    `insert into unstuck.workers (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version, started_at)
      values (gen_random_uuid(), $1, 'elsewhere', 1, '1', $2::integer, unstuck.clock() + $2::integer * interval '1 ms', unstuck.clock(), 'live', '{}', 1, 'x', unstuck.clock())
      returning id::text`,
    [name, leaseMs],
  );
  return row?.id ?? '';
}

const stateOf = async (query: Setup['query'], id: string): Promise<string | undefined> =>
  (await query<{ state: string }>('select state from unstuck.workers where id = $1', [id]))[0]
    ?.state;

function watch({ database, unstuck }: Setup): FleetWatch {
  return new FleetWatch(database({ lease: '1s' }), unstuck.log);
}

/** The server must have been up for a lease, else nobody is declared dead (G3). */
const quiet = (query: Setup['query']): Promise<unknown> =>
  eventually(
    async () =>
      (
        await query(
          `select where clock_timestamp() - pg_postmaster_start_time() > interval '1.5 seconds'`,
        )
      ).length === 1,
    'the server is up for a lease',
  );

describe('who is dead', () => {
  test('a worker that was silent for its lease', async () => {
    const all = await setup({ sweep: false });
    await quiet(all.query);
    const id = await absent(all.query, 'a', 300);
    const fleet = watch(all);
    expect(await fleet.look()).toBe(false);
    await eventually(() => fleet.look(), 'declared dead', 5_000);
    expect(await stateOf(all.query, id)).toBe('dead');
  });

  test('at once, when its process is proven to be gone', async () => {
    const all = await setup({ sweep: false });
    const id = await absent(all.query, 'a', 60_000);
    const { host } = thisProcess();
    await all.query(
      `update unstuck.workers set host = $1, pid = 4194303, pid_started = '1', lost_since = unstuck.clock() where id = $2`,
      [host, id],
    );
    expect(await watch(all).look()).toBe(true);
    expect(await stateOf(all.query, id)).toBe('dead');
  });

  test('I10, G3: nobody, while most of the fleet fell silent at once; after one more lease they are', async () => {
    const all = await setup({ sweep: false });
    await quiet(all.query);
    const ids = await Promise.all(['a', 'b', 'c'].map((name) => absent(all.query, name, 1)));
    const fleet = watch(all);
    const from = performance.now();
    await eventually(() => fleet.look(), 'declared dead', 10_000);
    expect(performance.now() - from).toBeGreaterThan(900);
    for (const id of ids) expect(await stateOf(all.query, id)).toBe('dead');
  });
});

describe('G2: a clock that jumps', () => {
  test('forward by hours kills no worker that still beats', async () => {
    const { unstuck, moveClock, query, lines } = await setup({
      sweepInterval: '50ms',
      watchInterval: '50ms',
    });
    const started = gate();
    const held = gate();
    const long = job(
      'long',
      async () => {
        started.open();
        await held.promise;
        return 'kept';
      },
      { timeout: '10d' },
    );
    await unstuck.work([long]);
    const { id } = await unstuck.enqueue(long, 1);
    await started.promise;
    await moveClock('3 hours');
    await eventually(
      async () =>
        (await query(`select from unstuck.workers where beat_at > now() + interval '2 hours'`))
          .length === 1,
      'it beats on the new clock',
    );
    held.open();
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      crashes: 0,
      token: '1',
    });
    expect(lines.filter((line) => line.event === 'worker_dead')).toEqual([]);
  });

  test('forward before the first look kills no worker that beats soon after', async () => {
    const all = await setup({ sweep: false });
    await quiet(all.query);
    const id = await absent(all.query, 'a', 60_000);
    await all.moveClock('3 hours');
    const fleet = watch(all);
    expect(await fleet.look()).toBe(false);
    await all.query(
      `update unstuck.workers set lease_until = unstuck.clock() + interval '60 s' where id = $1`,
      [id],
    );
    expect(await fleet.look()).toBe(false);
    expect(await stateOf(all.query, id)).toBe('live');
  });

  test('forward delays the end of a dead worker by one lease only', async () => {
    const all = await setup({ sweep: false });
    await quiet(all.query);
    const id = await absent(all.query, 'a', 60_000);
    const fleet = watch(all);
    await fleet.look();
    await all.moveClock('3 hours');
    expect(await fleet.look()).toBe(false);
    await eventually(() => fleet.look(), 'declared dead', 10_000);
    expect(await stateOf(all.query, id)).toBe('dead');
  });

  test('backward does not keep a dead worker alive for hours', async () => {
    const all = await setup({ sweep: false });
    await quiet(all.query);
    await all.moveClock('3 hours');
    const id = await absent(all.query, 'a', 500);
    await all.moveClock('0');
    const fleet = watch(all);
    await eventually(
      async () => {
        await fleet.prune();
        return fleet.look();
      },
      'declared dead',
      10_000,
    );
    expect(await stateOf(all.query, id)).toBe('dead');
  });
});
