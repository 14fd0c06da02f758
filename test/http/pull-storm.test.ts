// Workers that die, hang up, repeat themselves and change their minds: every job is completed, by one attempt, with what that one sent.
import { expect, test } from 'vitest';
import { createHandler, type Handler } from '../../src/http/index.ts';
import { die, type Pulled, Remote } from '../support/remote.ts';
import { setup } from '../support/unstuck.ts';

const JOBS = 60;
const WORKERS = 5;
const DEATHS = 3;

test('whatever workers do, each job is completed once', async () => {
  const set = await setup();
  const { unstuck } = set;
  const handle = createHandler(unstuck);
  const other = createHandler(await set.connect());
  const inputs = Array.from({ length: JOBS }, (_, input) => ({ input }));
  const ids = (await unstuck.enqueueMany('t', inputs)).map(({ id }) => id);
  const accepted = new Map<string, string[]>();
  const ledger = { accepted, deaths: 0, left: () => ids.some((id) => !accepted.has(id)) };
  const storm = (at: number): Promise<void> => work(set, at % 2 === 0 ? handle : other, ledger);
  await Promise.all(Array.from({ length: WORKERS }, (_, at) => storm(at)));

  const ended = await Promise.all(ids.map((id) => unstuck.get(id)));
  for (const job of ended) {
    expect(job?.state, job?.id).toBe('completed');
    const tokens = new Set(accepted.get(job?.id ?? ''));
    expect([...tokens], job?.id).toEqual([job?.result]);
  }
  expect(ledger.deaths).toBe(DEATHS);
}, 120_000);

interface Ledger {
  /** The tokens whose completions were accepted, by job. */
  readonly accepted: Map<string, string[]>;
  deaths: number;
  left(): boolean;
}

/** One worker after another in one place, until every job is completed. */
async function work(
  set: Awaited<ReturnType<typeof setup>>,
  handle: Handler,
  ledger: Ledger,
): Promise<void> {
  let worker = new Remote(handle);
  for (let round = 0; ledger.left(); round += 1) {
    const hangUp = new AbortController();
    if (round % 4 === 1) setTimeout(() => hangUp.abort(), round);
    const asked = { types: ['t'], max: 1 + (round % 3), wait: 300, holding: [] };
    const jobs = (await worker.claim(asked, hangUp.signal)).body.jobs ?? [];
    const [first] = jobs;
    if (first !== undefined && round % 3 === 2 && ledger.deaths < DEATHS) {
      ledger.deaths += 1;
      const ghost = worker;
      worker = new Remote(handle);
      await die(set, ghost, first.id);
      // A zombie: each of its words is late, and none is accepted.
      for (const pulled of jobs) expect((await complete(ghost, pulled, ledger)).status).toBe(409);
      continue;
    }
    for (const [at, pulled] of jobs.entries()) await treat(worker, pulled, round + at, ledger);
  }
}

async function treat(worker: Remote, pulled: Pulled, way: number, ledger: Ledger): Promise<void> {
  const mind = pulled.attempt + way;
  if (way % 5 === 1) await worker.say('release', pulled);
  if (way % 5 === 2 && pulled.attempt < 4)
    await worker.say('fail', pulled, { error: { message: 'again' }, retry_after: 0 });
  if (mind % 2 === 0) await worker.say('heartbeat', pulled);
  await complete(worker, pulled, ledger);
  await complete(worker, pulled, ledger);
}

async function complete(
  worker: Remote,
  pulled: Pulled,
  { accepted }: Ledger,
): Promise<{ readonly status: number }> {
  const answer = await worker.say('complete', pulled, { result: pulled.token });
  if (answer.status === 200)
    accepted.set(pulled.id, [...(accepted.get(pulled.id) ?? []), pulled.token]);
  else expect(answer).toMatchObject({ status: 409, body: { code: 'STALE_ATTEMPT' } });
  return answer;
}
