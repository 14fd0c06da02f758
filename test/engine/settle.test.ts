// The laws of settling: an end is written exactly once or refused, and nobody's end waits for another's.
import { describe, expect, onTestFinished, test } from 'vitest';
import { TcpProxy } from '../support/proxy.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

/** Refuses, as a trigger of a user might, what is kept of jobs with a certain input. */
async function refuseEnds(query: Setup['query'], condition: string): Promise<void> {
  await query(`create function refuse() returns trigger language plpgsql as
    $$ begin if ${condition} then raise exception 'not in my table' using errcode = 'P0001'; end if; return new; end $$`);
  await query(
    'create trigger refuse before insert on unstuck.finished for each row execute function refuse()',
  );
}

describe('an end that PostgreSQL refuses', () => {
  test('D11: three times, becomes the least that can be stored: FINISH_REFUSED', async () => {
    const { unstuck, query } = await setup();
    await refuseEnds(query, `new.result is not null`);
    const mail = job('mail', () => 'a result');
    await unstuck.work([mail]);
    const { id } = await unstuck.enqueue(mail, 1);
    const done = await unstuck.wait(id, { timeout: '20s' });
    expect(done).toMatchObject({ state: 'failed', error: { code: 'FINISH_REFUSED' }, attempt: 1 });
    expect(done.error?.message).toContain('P0001');
  });

  test('D6: fails alone; the other ends of its batch are accepted', async () => {
    const { unstuck, query } = await setup();
    await refuseEnds(query, `new.input = '13' and new.result is not null`);
    const open = gate();
    const mail = job('mail', async () => {
      await open.promise;
      return 'a result';
    });
    await unstuck.work([mail], { concurrency: 50 });
    const jobs = await unstuck.enqueueMany(
      mail,
      Array.from({ length: 50 }, (_, input) => ({ input })),
    );
    await eventually(
      async () =>
        (await query('select from unstuck.jobs where worker_id is not null')).length === 50,
      'all run',
    );
    open.open();
    for (const [n, { id }] of jobs.entries())
      expect((await unstuck.wait(id, { timeout: '20s' })).state, `job ${n}`).toBe(
        n === 13 ? 'failed' : 'completed',
      );
  });

  test('D11: for ever, is not run again and again: its timeout hands it to the sweep', async () => {
    const { unstuck, query } = await setup({ lease: '1s' });
    await refuseEnds(query, `new.type = 'cursed'`);
    let runs = 0;
    const cursed = job('cursed', () => {
      runs += 1;
    });
    const mail = job('mail', () => 'ran');
    await unstuck.work([cursed, mail]);
    const { id } = await unstuck.enqueue(cursed, 1);
    await eventually(() => runs > 0, 'it ran');
    // Five leases: long enough for the lifeline to compare what is held ten times and more.
    await eventually(
      async () =>
        (
          await query(
            `select from unstuck.jobs where id = $1 and started_at < unstuck.clock() - interval '5 seconds'`,
            [id],
          )
        ).length === 1 || runs > 1,
      'it is left alone',
    );
    expect(runs).toBe(1);
    const other = await unstuck.enqueue(mail, 1);
    expect((await unstuck.wait(other.id, { timeout: '20s' })).result).toBe('ran');
  });
});

describe('an end that can never be stored', () => {
  test('D11: is held until the sweep has taken its job, and then forgotten', async () => {
    const { unstuck, query, logged } = await setup({ lease: '1s' });
    await refuseEnds(query, `new.type = 'cursed'`);
    const cursed = job('cursed', () => 'ran', {
      timeout: '2s',
      retry: { attempts: 2, backoff: 'fixed', base: '1h' },
    });
    await unstuck.work([cursed]);
    const { id } = await unstuck.enqueue(cursed, 1);
    const lost = await logged('attempt_lost');
    expect(lost.facts).toMatchObject({ job: id, cause: 'lost' });
    expect(await unstuck.get(id)).toMatchObject({ state: 'pending', waitsFor: 'retry' });
  });
});

describe('an end whose row somebody has locked', () => {
  test('waits for the lock alone: other ends and claims go on', async () => {
    const { unstuck, session, query } = await setup({
      lockTimeout: '300ms',
      statementTimeout: '5s',
    });
    const open = gate();
    const mail = job('mail', async () => {
      await open.promise;
      return 'done';
    });
    const next = job('next', () => 'ran');
    await unstuck.work([mail, next], { concurrency: 10 });
    const jobs = await unstuck.enqueueMany(
      mail,
      Array.from({ length: 8 }, (_, input) => ({ input })),
    );
    await eventually(
      async () =>
        (await query('select from unstuck.jobs where worker_id is not null')).length === 8,
      'all run',
    );
    const person = await session();
    await person.query('begin');
    const locked = [jobs[2]?.id, jobs[5]?.id];
    await person.query('select from unstuck.jobs where id = any($1) for update', [locked]);
    open.open();
    for (const { id } of jobs)
      if (!locked.includes(id))
        expect((await unstuck.wait(id, { timeout: '20s' })).state).toBe('completed');
    const other = await unstuck.enqueue(next, 1);
    expect((await unstuck.wait(other.id, { timeout: '10s' })).result).toBe('ran');
    for (const id of locked) expect((await unstuck.get(id ?? ''))?.state).toBe('running');
    await person.query('rollback');
    for (const id of locked)
      expect((await unstuck.wait(id ?? '', { timeout: '20s' })).state).toBe('completed');
  });
});

async function behindProxy(): Promise<Setup & { proxy: TcpProxy; far: Setup['unstuck'] }> {
  const all = await setup();
  const proxy = await TcpProxy.start(all.url);
  onTestFinished(() => proxy.close());
  return { ...all, proxy, far: await all.connect({ database: proxy.url, lease: '2s' }) };
}

describe('a lost reply', () => {
  test('A2: to an enqueue: it is repeated and stores one job', async () => {
    const { unstuck, proxy, far, query } = await behindProxy();
    const mail = job('mail', () => 1);
    await far.enqueue(mail, 'first');
    for (let n = 0; n < 5; n += 1) {
      proxy.cutReplyTo(n % 2 === 0 ? 'enqueue-alike' : 'enqueue-distinct');
      expect(await far.enqueue(mail, n, n % 2 === 0 ? {} : { key: `k${n}` })).toMatchObject({
        created: true,
        reason: 'created',
      });
    }
    expect(proxy.cut).toBe(5);
    expect(await query('select from unstuck.jobs')).toHaveLength(6);
    expect((await unstuck.list({})).jobs).toHaveLength(6);
  });

  test('A2: to an enqueue whose job ran meanwhile: it does not run twice', async () => {
    const { unstuck, proxy, far, query } = await behindProxy();
    let runs = 0;
    const mail = job('mail', () => {
      runs += 1;
    });
    await far.enqueue(mail, 0);
    await unstuck.work([mail]);
    proxy.cutReplyTo('enqueue-alike');
    proxy.refuse(true);
    const enqueued = far.enqueue(mail, 1);
    await eventually(
      async () => (await query('select from unstuck.finished')).length === 2,
      'it ran',
    );
    proxy.refuse(false);
    const { id } = await enqueued;
    expect((await unstuck.get(id))?.state).toBe('completed');
    expect(runs).toBe(2);
    expect(await query('select from unstuck.jobs')).toHaveLength(0);
  });

  test('A2: to an enqueue whose job ran meanwhile, and whose key another transaction holds now: it is answered, not refused', async () => {
    const { unstuck, proxy, far, query, session } = await behindProxy();
    const mail = job('mail', () => 'sent');
    await far.enqueue(mail, 0, { key: 'first' });
    await unstuck.work([mail]);
    proxy.cutReplyTo('enqueue-distinct');
    proxy.refuse(true);
    const enqueued = far.enqueue(mail, 1, { key: 'k' });
    await eventually(
      async () => (await query('select from unstuck.finished')).length === 2,
      'it ran',
    );
    const other = await session();
    await other.query('begin');
    await unstuck.enqueue(mail, 2, { key: 'k', in: other });
    proxy.refuse(false);
    const { id, reason } = await enqueued;
    expect(reason).toBe('created');
    expect((await unstuck.get(id))?.state).toBe('completed');
    await other.query('rollback');
  });

  test('D4: to a settle: it is read back, and the job counts as done once', async () => {
    const { unstuck, proxy, far, query, lines } = await behindProxy();
    let runs = 0;
    const mail = job('mail', () => {
      runs += 1;
      return 'done';
    });
    await far.work([mail], { concurrency: 1 });
    const first = await unstuck.enqueue(mail, 0);
    await unstuck.wait(first.id, { timeout: '20s' });
    for (const name of ['finish-and-claim', 'finish-jobs']) proxy.cutReplyTo(name);
    proxy.cutReplyTo('finish-and-claim');
    const { id } = await unstuck.enqueue(mail, 1);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      result: 'done',
      token: '1',
    });
    await eventually(() => proxy.cut === 1, 'the reply was cut');
    const third = await unstuck.enqueue(mail, 2);
    await unstuck.wait(third.id, { timeout: '20s' });
    expect(runs).toBe(3);
    expect(await query(`select from unstuck.attempts`)).toHaveLength(0);
    expect(lines.filter((line) => line.event === 'late_result_refused')).toEqual([]);
  });

  test('D4: to the first enqueue of a type, which stores its settings: the job is stored once', async () => {
    const { unstuck, proxy, far } = await behindProxy();
    proxy.cutReplyTo('define-types');
    await far.enqueue(
      job('never-before', () => 'done'),
      1,
    );
    expect(proxy.cut).toBe(1);
    expect((await unstuck.list({ type: 'never-before' })).jobs).toHaveLength(1);
  });

  test('B6: to a claim: the job is given back uncharged and runs, although its worker lives', async () => {
    const { unstuck, proxy, far } = await behindProxy();
    const mail = job('mail', () => 'done');
    await far.enqueue(mail, 0, { hold: true });
    const { id } = await unstuck.enqueue(mail, 1, { hold: true });
    await far.work([mail]);
    await eventually(async () => (await unstuck.status()).workers.length === 1, 'it is there');
    proxy.cutReplyTo('claim-jobs');
    await unstuck.release(id);
    const done = await unstuck.wait(id, { timeout: '20s' });
    expect(done).toMatchObject({ state: 'completed', attempt: 1, crashes: 0 });
    if (proxy.cut === 1 && done.token !== '1')
      expect((await unstuck.history(id)).map((entry) => entry.kind)).toContain('released');
  });
});

test('A2: a job that was stored and ran while a neighbour of its flush waited for a busy key does not run twice', async () => {
  const { unstuck, proxy, far, query, session } = await behindProxy();
  let runs = 0;
  const mail = job('mail', () => {
    runs += 1;
  });
  const holder = await unstuck.enqueue(mail, 'holder', { key: 'b', hold: true });
  await far.enqueue(mail, 'first', { hold: true });
  await unstuck.work([mail]);
  const lookUp = proxy.holdBack('find-conflicts');
  const one = far.enqueue(mail, 'one', { key: 'a' });
  const two = far.enqueue(mail, 'two', { key: 'b' }).catch((error: unknown) => error);
  await lookUp;
  await eventually(() => runs === 1, 'the first one ran');
  await unstuck.cancel(holder.id);
  const other = await session();
  await other.query('begin');
  await unstuck.enqueue(mail, 'three', { key: 'b', in: other });
  proxy.letGo();
  expect(await two).toMatchObject({ code: 'KEY_BUSY' });
  const { id, reason } = await one;
  expect(reason).toBe('created');
  await other.query('rollback');
  expect(await query('select from unstuck.all_jobs where id = $1', [id])).toHaveLength(1);
  expect(runs).toBe(1);
});
