// The stage of the interleavings of links: a database with one pool and one limit, sessions that take one step at a time, and the mutants.
import type { Client } from 'pg';
import { onTestFinished } from 'vitest';
import { parseConfig } from '../../src/domain/options.ts';
import { LinkSweep } from '../../src/engine/link-sweep.ts';
import { Database } from '../../src/storage/database.ts';
import { type Act, Outcome, storeOne } from './link-acts.ts';
import { type LinkMutant, mutateLinks } from './link-mutants.ts';
import { interleavings, registerWorker, Session, settle } from './sessions.ts';
import { type Arena, arena } from './setup.ts';

const LONG = process.env['UNSTUCK_LONG'] === '1';

/** Who does what, each in his own order. */
export type Actors = Record<string, readonly Act[]>;

/** What is done at once, and what must be true of it in every order. */
export interface Scenario {
  prepare(on: { readonly client: Client; readonly worker: string }): Promise<Actors>;
  /** What is wrong with an outcome, before and after a sweep. */
  judge(outcome: Outcome, client: Client): Promise<string | undefined>;
  /** Whether that is asked after each step as well. */
  readonly isJudgedAlways?: true;
}

/** A database in which scenarios are played, one order after another. */
export class Stage {
  #arena: Arena;
  #sweep: LinkSweep;

  private constructor(place: Arena, sweep: LinkSweep) {
    this.#arena = place;
    this.#sweep = sweep;
  }

  static async open(): Promise<Stage> {
    const place = await arena();
    const database = new Database(place.url, parseConfig({}, {}), false, () => undefined);
    onTestFinished(() => database.close());
    return new Stage(place, new LinkSweep(database));
  }

  /** Takes a safeguard out until the test is over. */
  async mutate(mutant: LinkMutant): Promise<void> {
    const { client } = this.#arena;
    await mutateLinks((text, values) => client.query(text, values), mutant);
  }

  /**
   * Plays every order, or every `stride`-th, which must be prime to the steps so that none is always left out; says which are broken, and stops at
   * `most`.
   */
  async broken(scenario: Scenario, stride = 1, most = Number.POSITIVE_INFINITY): Promise<string[]> {
    const { client, url } = this.#arena;
    const worker = await registerWorker(client, 'live');
    const sessions = new Map<string, Session>();
    const found: string[] = [];
    const lists = Object.entries(await this.#reset(scenario, worker)).map(([name, acts]) =>
      acts.map((_, at) => [name, at] as const),
    );
    const orders = interleavings(lists).filter((_, n) => LONG || n % stride === 0);
    for (const list of lists) sessions.set(list[0]?.[0] ?? '', await Session.open(url));
    for (const order of orders) {
      const outcome = new Outcome(order.map((one) => one.join(' ')));
      const wrong = await this.#play(scenario, await this.#reset(scenario, worker), order, {
        sessions,
        outcome,
      });
      if (wrong !== undefined) found.push(`${outcome.order.join(', ')}: ${wrong}`);
      if (found.length >= most) break;
    }
    console.log(`${lists.map(([first]) => first?.[0]).join(', ')}: ${orders.length} interleavings`);
    return found;
  }

  /** Two transactions under REPEATABLE READ that began before either had taken the one slot; returns how many hold it. */
  async repeatableReaders(): Promise<number> {
    const { client, url } = this.#arena;
    await this.#reset(
      { prepare: () => Promise.resolve({}), judge: () => Promise.resolve(undefined) },
      '',
    );
    const sessions = [await Session.open(url), await Session.open(url)];
    for (const { client: one } of sessions) {
      await one.query('begin isolation level repeatable read');
      await one.query('select from unstuck.pools');
    }
    for (const session of sessions) {
      await storeOne(session, 'refuse').catch(() => undefined);
      await session.commit();
    }
    const { rows } = await client.query('select from unstuck.jobs where slot_pool is not null');
    return rows.length;
  }

  /** Plays one order; says what is wrong. */
  async #play(
    scenario: Scenario,
    actors: Actors,
    order: readonly (readonly [string, number])[],
    { sessions, outcome }: { sessions: ReadonlyMap<string, Session>; outcome: Outcome },
  ): Promise<string | undefined> {
    const { client } = this.#arena;
    let wrong: string | undefined;
    for (const [name, at] of order) {
      const act = actors[name]?.[at] as Act;
      sessions.get(name)?.start((session) => act(session, outcome));
      await settle(client, [...sessions.values()]);
      if (scenario.isJudgedAlways) wrong ??= await scenario.judge(outcome, client);
    }
    wrong ??= await scenario.judge(outcome, client);
    outcome.isSwept = true;
    outcome.ready.push(...(await this.#sweep.round()));
    return wrong ?? scenario.judge(outcome, client);
  }

  async #reset(scenario: Scenario, worker: string): Promise<Actors> {
    const { client } = this.#arena;
    await client.query(
      `delete from unstuck.jobs; delete from unstuck.pools; delete from unstuck.limit_keys; delete from unstuck.executions;
       delete from unstuck.pool_done; delete from unstuck.claims;
       insert into unstuck.pools (key, capacity, created_at, updated_at) values ('p', 1, now(), now());
       insert into unstuck.limits (name, running, updated_at) values ('k', 1, now()) on conflict do nothing;
       insert into unstuck.limit_keys (key, used_at) values ('k', now())`,
    );
    return scenario.prepare({ client, worker });
  }
}
