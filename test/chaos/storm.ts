// A storm: jobs through worker processes behind a proxy, faults of every kind while they run, and the judgement afterwards.
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import { type AnyJob, Unstuck } from '../../src/index.ts';
import { TcpProxy } from '../support/proxy.ts';
import type { Crew, WorkerProcess } from './crew.ts';
import { figures, violations } from './history.ts';
import { effect, flaky, plain, slow, zombie } from './jobs.ts';
import type { Mutant } from './mutants.ts';
import { type Random, seeded } from './random.ts';
import { connect, ownArena, until } from './setup.ts';

type Place = Awaited<ReturnType<typeof ownArena>>;

const WORKERS = 4;
/** Leases and timeouts are shorter than by default, so that fifty faults fit into a minute. */
const OPTIONS = { lease: '3s', statementTimeout: '3s', connectTimeout: '3s' } as const;
const ENVIRONMENT = {
  UNSTUCK_LEASE: OPTIONS.lease,
  UNSTUCK_STATEMENT_TIMEOUT: OPTIONS.statementTimeout,
  UNSTUCK_CONNECT_TIMEOUT: OPTIONS.connectTimeout,
};
/** Longer than the lease. */
const STOPPED_MS = 4_500;
const CHUNK = 100;
const ENDED_MS = 120_000;
/** A server that starts again on a loaded machine keeps workers from starting for as long. */
const REPLACE_MS = 90_000;

/** What can be done to a storm's workers, connections and server, and how often in fifty times. */
const WEIGHTS = {
  kill: 10,
  stop: 6,
  zombie: 8,
  terminate: 12,
  reset: 5,
  'half-open': 3,
  'cut at commit': 5,
  'PostgreSQL immediate': 1,
} as const;

/** A kind of fault. */
export type Fault = keyof typeof WEIGHTS;

/** One run. */
export class Storm {
  readonly crew: Crew;
  #place: Place;
  #proxy: TcpProxy;
  #producer: Unstuck;
  #random: Random;
  #acked: string[] = [];
  #unknown = 0;
  #counts: Partial<Record<Fault, number>> = {};
  #pending: Promise<unknown>[] = [];
  #found: string[] = [];
  #from: number = performance.now();

  private constructor(
    place: Place,
    crew: Crew,
    proxy: TcpProxy,
    producer: Unstuck,
    random: Random,
  ) {
    this.crew = crew;
    this.#place = place;
    this.#proxy = proxy;
    this.#producer = producer;
    this.#random = random;
  }

  /** Starts a server, a proxy, workers and a producer; all end with the test. */
  static async start(seed: number, mutant?: Mutant): Promise<Storm> {
    console.log(`storm with seed ${seed}${mutant === undefined ? '' : `, mutant ${mutant}`}`);
    const place = await ownArena();
    const proxy = await TcpProxy.start(place.url);
    onTestFinished(() => proxy.close());
    const producer = await Unstuck.connect({ database: proxy.url, logLevel: 'silent', ...OPTIONS });
    onTestFinished(() => producer.close());
    const options = { url: proxy.url, environment: ENVIRONMENT, ...(mutant && { mutant }) };
    const crew = await place.crew(WORKERS, options);
    return new Storm(place, crew, proxy, producer, seeded(seed));
  }

  /** Enqueues so many jobs while so many faults hit, repairs what was broken, and waits until every job has ended, or much too long. */
  async run(jobs: number, faults: number, kinds: readonly Fault[] = kindsOf()): Promise<void> {
    this.#from = performance.now();
    const enqueueing = this.#enqueue(jobs);
    for (const fault of planned(faults, kinds, this.#random)) {
      await pause(this.#random.between(200, 700));
      this.#counts[fault] = (this.#counts[fault] ?? 0) + 1;
      await this.#inflict(fault);
    }
    await enqueueing;
    for (const error of await Promise.all(this.#pending))
      if (error !== undefined) throw error as Error;
    await until('every job has ended', ENDED_MS, async () => !(await this.#live())).catch(() =>
      this.#found.push(`jobs were live ${ENDED_MS} ms after the last fault`),
    );
  }

  /** Ends the workers; returns what is wrong, and prints what happened; `stories` adds all that is known of the first three. */
  async judge({ stories }: { readonly stories: boolean }): Promise<string[]> {
    const seconds = ((performance.now() - this.#from) / 1_000).toFixed(1);
    await this.crew.drain();
    const client = await connect(this.#place.url);
    const lines = this.crew.lines();
    console.log(
      `${seconds} s, faults ${JSON.stringify(this.#counts)}, replies cut ${this.#proxy.cut}, ${this.#acked.length} acknowledged, ` +
        `${this.#unknown} unknown, ${await figures(client, lines)}`,
    );
    const found = [...this.#found, ...(await violations(client, lines, { acked: this.#acked }))];
    for (const said of found.slice(0, stories ? 3 : 0))
      console.log(said, await this.#storyOf(client, said));
    return found;
  }

  /** Everything that is known about the job that a violation names. */
  async #storyOf(client: Client, said: string): Promise<string> {
    const id = /[0-9a-f-]{36}/.exec(said)?.[0] ?? '';
    const { rows } = await client.query(
      `select clock_timestamp() as now, (select json_agg(a order by seq) from public.audit a where job_id = $1) as audit,
         (select json_agg(a order by ended_at) from unstuck.attempts a where job_id = $1) as attempts,
         (select json_agg(f) from unstuck.finished f where id = $1) as finished`,
      [id],
    );
    const of = (text: string): boolean => text.includes(id);
    const lines = this.crew.lines().map((line) => JSON.stringify(line));
    return [
      JSON.stringify(rows, null, 1),
      ...lines.filter(of),
      ...this.crew.log().split('\n').filter(of),
    ].join('\n');
  }

  async #enqueue(jobs: number): Promise<void> {
    for (let made = 0; made < jobs; made += CHUNK) {
      const [type, ms] = this.#random.pick(MIX);
      const items = Array.from({ length: Math.min(CHUNK, jobs - made) }, (_, n) => ({
        input: { ms: n % ms, failures: n % 2 },
      }));
      await this.#enqueueSome(type, items);
    }
  }

  /** What was not acknowledged may be stored all the same: it must then end like any other. */
  async #enqueueSome(type: AnyJob, items: { input: object }[]): Promise<void> {
    const made = await Promise.allSettled(
      items.map(({ input }) => this.#producer.enqueue(type, input)),
    );
    for (const one of made) {
      if (one.status === 'fulfilled') this.#acked.push(one.value.id);
      else this.#unknown += 1;
    }
  }

  async #inflict(fault: Fault): Promise<void> {
    if (fault === 'kill') this.#later(this.#replace(this.#victim()));
    if (fault === 'stop') this.#later(stopFor(this.#victim(), STOPPED_MS));
    if (fault === 'zombie') this.#later(this.#zombie());
    if (fault === 'terminate') await this.#terminate(this.#random.between(1, 4));
    if (fault === 'reset') this.#proxy.reset();
    if (fault === 'half-open') this.#proxy.blackHole();
    if (fault === 'cut at commit') this.#proxy.cutReplyTo('commit\0', 3);
    if (fault === 'PostgreSQL immediate') {
      await this.#place.server.stopImmediate();
      await this.#place.server.startAgain();
    }
  }

  /** Goes on beside the storm; what goes wrong in it is thrown when the storm is over. */
  #later(work: Promise<void>): void {
    this.#pending.push(
      work.then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
  }

  #victim(): WorkerProcess {
    return this.#random.pick(this.crew.alive);
  }

  async #replace(victim: WorkerProcess): Promise<void> {
    await victim.kill9();
    // As an orchestrator does: a worker that finds no server ends, and is started again after a pause.
    await until('a worker started in place of a killed one', REPLACE_MS, () =>
      this.crew.add().then(
        () => true,
        () => false,
      ),
    );
  }

  /** The failpoint: a job stops its process between claim and commit; when a successor runs, the process goes on. */
  async #zombie(): Promise<void> {
    const ids: string[] = [];
    while (ids.length === 0) {
      const made = await this.#producer
        .enqueue(zombie, { ms: 1_000 }, { priority: 10 })
        .catch(() => undefined);
      if (made !== undefined) ids.push(made.id);
    }
    this.#acked.push(...ids);
    const [id] = ids;
    const stopped = await this.crew.line(
      ({ job, event }) => job === id && event === 'before-commit',
      60_000,
    );
    const worker = this.crew.withPid(stopped.pid);
    // Another fault may kill the process, or set it going before its job was taken from it.
    await until('a stopped job runs again', 60_000, () =>
      this.crew
        .lines()
        .some(
          ({ job, event, token }) =>
            job === id && (event === 'end' || (event === 'start' && token !== stopped.token)),
        ),
    ).catch(() => undefined);
    worker.signal('SIGCONT');
  }

  async #terminate(count: number): Promise<void> {
    await this.#ask(
      `select pg_terminate_backend(pid) from (select pid from pg_stat_activity where application_name like 'unstuck %' order by random() limit ${count}) a`,
    );
  }

  /** Whether a job is still live; the server may be away. */
  async #live(): Promise<boolean> {
    const rows = await this.#ask('select from unstuck.jobs limit 1');
    return rows === undefined || rows.length > 0;
  }

  async #ask(text: string): Promise<unknown[] | undefined> {
    const client = new Client({ connectionString: this.#place.url, query_timeout: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(text)).rows;
    } catch {
      return undefined;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

const MIX: readonly (readonly [AnyJob, number])[] = [
  [plain, 20],
  [plain, 20],
  [effect, 20],
  [effect, 20],
  [effect, 20],
  [slow, 300],
  [flaky, 1],
];

function kindsOf(): Fault[] {
  return Object.keys(WEIGHTS) as Fault[];
}

/** So many faults in the proportions of their weights, in a random order. */
function planned(count: number, kinds: readonly Fault[], random: Random): Fault[] {
  const bag = kinds.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));
  const all: Fault[] = [];
  while (all.length < count) all.push(...random.shuffled(bag));
  return all.slice(0, count);
}

async function stopFor(victim: WorkerProcess, ms: number): Promise<void> {
  victim.signal('SIGSTOP');
  await pause(ms);
  victim.signal('SIGCONT');
}
