// Behind a transaction pooler there is no LISTEN and no session lock: polling and leases do their work, and that is said.
import { expect, onTestFinished, test } from 'vitest';
import { Unstuck } from '../../src/index.ts';
import { poolerProgram, startPooler } from '../support/pooler.ts';
import { violations } from './history.ts';
import { effect, flaky, held, plain, slow } from './jobs.ts';
import { ownArena, until } from './setup.ts';

const program = poolerProgram();

test.skipIf(program === undefined)(
  'behind a transaction pooler jobs run, and those of a killed worker return after its lease',
  async () => {
    const place = await ownArena();
    const pooler = await startPooler(program as string, place.url);
    onTestFinished(() => pooler.stop());
    const lines: string[] = [];
    const note = (event: string): void => void lines.push(event);
    const log = { debug: note, info: note, warn: note, error: note };
    const unstuck = await Unstuck.connect({ database: pooler.url, log });
    onTestFinished(() => unstuck.close());
    expect(lines).toContain('transaction_pooler_found');
    const crew = await place.crew(2, { url: pooler.url, environment: { UNSTUCK_LEASE: '3s' } });

    const acked: string[] = [];
    for (const type of [plain, effect, slow, flaky])
      for (const made of await unstuck.enqueueMany(
        type,
        Array.from({ length: 50 }, () => ({ input: { ms: 10, failures: 1 } })),
      ))
        acked.push(made.id);
    await until('every job has ended', 60_000, async () => (await live()) === 0);

    const { id } = await unstuck.enqueue(held, {});
    const first = await crew.line(({ job, event }) => job === id && event === 'start');
    // Where the machine is another one, nothing proves the death: only the lease tells.
    await place.client.query(`update unstuck.workers set host = 'elsewhere' where pid = $1`, [
      first.pid,
    ]);
    const killedAt = Date.now();
    crew.withPid(first.pid).signal('SIGKILL');
    const again = await crew.line(({ job, crashes }) => job === id && crashes === 1, 60_000);
    console.log(
      `behind pgbouncer, lease 3 s: the job of a killed worker ran again after ${again.at - killedAt} ms`,
    );
    expect(again.at - killedAt).toBeGreaterThan(1_000);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      crashes: 1,
    });
    await crew.drain();
    expect(await violations(place.client, crew.lines(), { acked: [...acked, id] })).toEqual([]);

    async function live(): Promise<number> {
      return (await place.client.query('select from unstuck.jobs')).rows.length;
    }
  },
  120_000,
);
