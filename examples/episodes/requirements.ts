// S2, the worker server is down: every requirement shown with an assembler that is killed and started again.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import type { AlertsDefinition } from 'unstuck';
import { changeByHand } from '../by-hand.ts';
import { type Requirement, type Stage, until } from '../requirement.ts';
import { alertsBy } from './alerts.ts';
import { assemblerAt } from './assembler-target.ts';
import { assembleJob, episodeJob } from './episode-jobs.ts';
import { EPISODES, type Episode } from './episodes-table.ts';
import { RECIPES } from './recipes.ts';
import type { Sms } from './sms-provider.ts';
import { assemblyOf, inStudio, type Ordered, parkedOf, type Studio } from './studio.ts';

/** The requirements in their order. */
export const requirements: readonly Requirement[] = [
  { id: 'S2.1', says: 'a job whose worker is away waits for it, and says so', check: parks },
  { id: 'S2.2', says: 'a worker that is down is asked by a schedule', check: schedule },
  {
    id: 'S2.3',
    says: 'killed and started again, it gets every job, not in one burst',
    check: recovers,
  },
  { id: 'S2.4', says: 'whoever asks is answered friendly, and never by an error', check: friendly },
  { id: 'S2.5', says: 'the administrator gets one SMS, however many jobs wait', check: texts },
  { id: 'S2.6', says: 'a clock outside does a round, and twice at once is once', check: ticks },
  { id: 'S2.7', says: 'the log says what was found, retried, parked and sent', check: logs },
  { id: 'S2.8', says: 'waiting costs no attempt', check: attempts },
  { id: 'S2.9', says: 'whoever asked is told of the end, however late', check: tells },
];

function parks(stage: Stage): Promise<string> {
  return inStudio(stage, async (studio) => {
    const { unstuck, assembler } = studio;
    await assembler.kill();
    const job = await parkedOf(studio, await studio.order(0));
    await studio.logged('probes=2 ');
    const { input, state, next, parkedAt, url, parkedTimes, sentTimes, probes, lastProbeAt } = {
      ...job,
      ...(await unstuck.targets.sendingOf(job)),
    };
    assert.deepEqual([input, state, url], [RECIPES[0]?.recipe, 'pending', `${assembler.url}/jobs`]);
    assert(parkedAt instanceof Date && lastProbeAt instanceof Date && (probes ?? 0) >= 2);
    return `its input is kept; parked at ${clockOf(parkedAt)} for ${url}, sent ${sentTimes} and parked ${parkedTimes} times; the worker was asked ${probes} times since, last at ${clockOf(lastProbeAt)}: “${next}”`;
  });
}

function clockOf(at: Date): string {
  return at.toISOString().slice(11, 19);
}

function schedule(stage: Stage): Promise<string> {
  const { probeEveryMs, probeForMs, probeLaterMs } = assemblerAt('http://127.0.0.1:1');
  assert.deepEqual([probeEveryMs, probeForMs, probeLaterMs], [60_000, 3_600_000, 600_000]);
  const probe = { every: '1s', for: '3s', later: '2s' } as const;
  return inStudio(
    stage,
    async ({ unstuck, assembler, order, logged, lines }) => {
      await assembler.kill();
      await order();
      await logged('event=target_down');
      const asked: number[] = [];
      for (const nth of [1, 2, 3, 4, 5]) {
        await logged(`probes=${nth} `);
        const { downSince, lastProbeAt } = await unstuck.targets.get('assembler');
        asked.push((Number(lastProbeAt) - Number(downSince)) / 1_000);
      }
      // Never before its time; how much later depends on how busy this machine is.
      for (const [index, planned] of [1, 2, 3, 5, 7].entries()) {
        const late = (asked[index] ?? 0) - planned;
        assert(late >= 0 && late < 2, `asked after ${asked.join(', ')} s`);
      }
      assert.equal(lines.filter((line) => line.includes('event=target_still_down')).length, 5);
      return `asked ${asked.map((seconds) => seconds.toFixed(1)).join(', ')} s after it went down (every second for 3 s, then every 2 s); unless set, every minute for an hour, then every 10 minutes`;
    },
    { probe },
  );
}

function recovers(stage: Stage): Promise<string> {
  return inStudio(stage, async (studio) => {
    const { unstuck, assembler, order } = studio;
    const early = await Promise.all([0, 1, 2].map(order));
    const slow = await order(3);
    const working = await assemblyOf(unstuck, slow.job);
    await until(unstuck, working, ({ progress }) => (progress ?? 0) > 0);
    await assembler.kill();
    const late = await Promise.all(Array.from({ length: 12 }, (_, which) => order(which % 3)));
    for (const one of late) await parkedOf(studio, one);
    const { now } = await unstuck.status();
    await assembler.start();
    const all = [...early, slow, ...late];
    await expectMade(studio, all);
    const bursts = await burstsOf(studio, all, now);
    return `${all.length} episodes published once each, with every sample; those that waited were sent ${bursts.join(' + ')} at a time`;
  });
}

/** How many went on together since the assembler is back; throws when they are more than 1, 2, 4, … second by second. One that it had accepted before may have been the first. */
async function burstsOf(
  { unstuck }: Studio,
  episodes: readonly Ordered[],
  since: Date,
): Promise<number[]> {
  const bursts = new Map<number, number>();
  for (const { job } of episodes)
    for (const { kind, at } of await unstuck.history(await assemblyOf(unstuck, job)))
      if (kind === 'unparked' && at >= since)
        bursts.set(at.getTime(), (bursts.get(at.getTime()) ?? 0) + 1);
  const counts = [...bursts].toSorted(([a], [b]) => a - b).map(([, count]) => count);
  for (const [index, count] of counts.entries())
    assert(count <= 2 ** (index + 1), `went on together: ${counts.join(', ')}`);
  return counts;
}

function friendly(stage: Stage): Promise<string> {
  return inStudio(stage, async (studio) => {
    const { assembler, url, unstuck } = studio;
    await assembler.kill();
    const first = await studio.order();
    await studio.logged('event=target_down');
    const second = await studio.order();
    const answer = await fetch(`${url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: assembleJob.type, input: RECIPES[0]?.recipe }),
    });
    const { id, notice } = (await answer.json()) as {
      readonly id: string;
      readonly notice: { readonly code: string; readonly message: string } | null;
    };
    assert.deepEqual([answer.status, notice?.code], [201, 'TARGET_DOWN']);
    await unstuck.cancel(id);
    await assembler.start();
    await expectMade(studio, [first, second]);
    return `the application: “${second.message}” The API: HTTP ${answer.status}, “${notice?.message}”`;
  });
}

function texts(stage: Stage): Promise<string> {
  return inStudio(stage, async (studio) => {
    const { unstuck, assembler, provider, order } = studio;
    const isDown = ({ body }: Sms): boolean => body.includes('assembler') && /down/.test(body);
    unstuck.alerts.start(freshAlerts(provider.url));
    await assembler.kill();
    const waiting = await Promise.all(Array.from({ length: 10 }, (_, which) => order(which % 3)));
    await studio.logged('event=sms_sent ');
    await assembler.start();
    await expectMade(studio, waiting);
    await assembler.kill();
    const again = await order();
    await repeat(
      async () => undefined,
      async () => (await unstuck.targets.get('assembler')).probes >= 4,
    );
    await assembler.start();
    await expectMade(studio, [again]);
    const [first, ...more] = provider.sent.filter(isDown);
    assert.deepEqual([more, provider.refused], [[], []]);
    return `${waiting.length + 1} jobs waited, and it went down twice within five minutes: “${first?.body.replaceAll('\n', ' ')}”`;
  });
}

/** Under a name of their own, so that no SMS of an earlier run keeps one of this run back. */
function freshAlerts(apiUrl: string): AlertsDefinition {
  return alertsBy(apiUrl, { rule: `assembler-down-${randomUUID().slice(0, 8)}`, interval: '1s' });
}

function ticks(stage: Stage): Promise<string> {
  return inStudio(
    stage,
    async (studio) => {
      const { assembler, url, tickSecret, unstuck, lines } = studio;
      const tick = async (secret = tickSecret): Promise<number> => {
        const headers = { 'x-unstuck-tick': secret };
        return (await fetch(`${url}/v1/ticks/cron`, { method: 'POST', headers })).status;
      };
      const twice = async (): Promise<void> =>
        assert.deepEqual(await Promise.all([tick(), tick()]), [200, 200]);
      assert.equal(await tick('not the secret that it is'), 401);
      await assembler.kill();
      const ordered = await studio.order();
      await parkedOf(studio, ordered);
      const isLogged = (text: string): boolean => lines.some((line) => line.includes(text));
      await repeat(twice, () => isLogged('probes=2 '));
      await assembler.start();
      await repeat(twice, async () => (await unstuck.get(ordered.job))?.state === 'completed');
      await expectMade(studio, [ordered]);
      const probes = lines.flatMap((line) => /still_down .*probes=(\d+)/.exec(line)?.[1] ?? []);
      assert.deepEqual(probes, [...new Set(probes)]);
      return `with nobody else to sweep, pairs of ticks asked ${probes.length} times in vain and sent the episode once; a wrong secret is answered 401`;
    },
    { sweep: false },
  );
}

function logs(stage: Stage): Promise<string> {
  return inStudio(stage, async (studio) => {
    const { unstuck, assembler, provider, logged } = studio;
    unstuck.alerts.start(freshAlerts(provider.url));
    await assembler.kill();
    const ordered = await studio.order();
    const before = [await logged('event=parked '), await logged('event=sms_sent ')];
    await assembler.start();
    await expectMade(studio, [ordered]);
    const after = [await logged('event=found_parked_jobs '), await logged('event=retried ')];
    const said = [...before, ...after].map((line) => line.slice(line.indexOf('event=')));
    for (const line of said) assert.match(line, /^event=\w+( \w+=("[^"]*"|\S+))+$/);
    return said.join(' / ');
  });
}

function attempts(stage: Stage): Promise<string> {
  return inStudio(stage, async (studio) => {
    const { unstuck, assembler } = studio;
    await assembler.kill();
    const ordered = await studio.order();
    await parkedOf(studio, ordered);
    await studio.logged('event=target_down');
    await studio.logged('probes=2 ');
    await assembler.start();
    await expectMade(studio, [ordered]);
    const id = await assemblyOf(unstuck, ordered.job);
    const [job, history] = [await unstuck.get(id), await unstuck.history(id)];
    assert.deepEqual([job?.state, job?.attempt, job?.crashes], ['completed', 1, 0]);
    const waits = history.filter(({ kind }) => kind === 'parked').length;
    return `waited ${waits} times, attempt ${job?.attempt} of ${job?.attemptsMax} completed`;
  });
}

function tells(stage: Stage): Promise<string> {
  return inStudio(stage, async (studio) => {
    const { assembler, listener, unstuck } = studio;
    const before = await studio.order(1);
    await unstuck.wait(before.job, { timeout: '30s' });
    await assembler.kill();
    const after = await studio.order(2);
    await parkedOf(studio, after);
    await studio.logged('probes=2 ');
    assert.equal(listener.told.filter(({ body }) => isAbout(body, after)).length, 0);
    await assembler.start();
    await expectMade(studio, [before, after]);
    const told = (): boolean =>
      [before, after].every((one) => listener.told.some(({ body }) => isAbout(body, one)));
    await repeat(async () => undefined, told);
    assert.equal(listener.told.length, 2);
    return 'one signed webhook each, for the one that was made at once and the one that had to wait';
  });
}

function isAbout(body: unknown, { job }: Ordered): boolean {
  return JSON.stringify(body).includes(job);
}

/** Each of these is published exactly once, and its file is as long as it must be. */
async function expectMade(
  { unstuck, assembler }: Studio,
  ordered: readonly Ordered[],
): Promise<void> {
  for (const { job, episode, expected } of ordered) {
    const { state, result } = await unstuck.wait(job, { timeout: '1m', as: episodeJob });
    const { id, file, samples, sha256 } = result as Episode;
    assert.deepEqual([state, id, samples], ['completed', episode, expected.samples]);
    const audio = Buffer.from(
      await (await fetch(`${assembler.url}/episodes/${file}`)).arrayBuffer(),
    );
    assert.deepEqual(
      [audio.toString('latin1', 0, 4), audio.length, audio.readUInt32LE(40)],
      ['RIFF', 44 + expected.samples * 2, expected.samples * 2],
    );
    assert.equal(createHash('sha256').update(audio).digest('hex'), sha256);
  }
  const ids = ordered.map(({ episode }) => episode);
  const rows = `select from ${EPISODES} where id = any ($1::uuid[])`;
  assert.equal(await changeByHand(unstuck, rows, [ids]), ids.length);
}

/** Does something once and again until something is so, for 30 s at most. */
async function repeat(
  act: () => Promise<unknown>,
  done: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (await act(); !(await done()); await act()) {
    assert(performance.now() < deadline, 'it was not so within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
