// Property: whatever people, clocks and processes do to a schedule, it does what the naive model says, and fires no time twice.
import { expect, test, vi } from 'vitest';
import type { ScheduleOfType } from '../../src/domain/schedule.ts';
import { makePartitions } from '../../src/storage/partitions.ts';
import { type Random, seeded } from '../chaos/random.ts';
import { type Setup, setup } from '../support/unstuck.ts';
import { ScheduleModel, type Settings } from './support/schedule-model.ts';
import { firing, nominals, setClock } from './support/schedules.ts';

vi.setConfig({ testTimeout: 180_000 });

const START = Date.parse('2026-03-10T12:00:00Z');
const SEED = Number(process.env['SEED'] ?? 20_261_125);
const ROUNDS = process.env['UNSTUCK_LONG'] === '1' ? 40 : 6;
const STEPS = 60;

const minute = (n: number): Date => new Date(START + n * 60_000);

const anySettings = (random: Random): Settings => ({
  every: random.pick([1, 2, 5]),
  missed: random.pick(['skip', 'once', 'all']),
  missedMax: random.pick([1, 3, 100]),
  overlap: random.pick(['skip', 'allow', 'replace']),
});

const specOf = ({ every, ...rest }: Settings): ScheduleOfType => ({
  type: 't',
  every: `${every}m`,
  anchor: new Date(START),
  ...rest,
});

for (let round = 0; round < ROUNDS; round += 1) {
  const seed = SEED + round;
  test(`a schedule is what the model says, seed ${seed}`, async () => {
    const random = seeded(seed);
    const all = await setup({ sweep: false });
    await setClock(all, minute(0));
    await makePartitions(all.database());
    const model = new ScheduleModel(anySettings(random));
    await all.unstuck.schedules.set('s', specOf(model.settings));
    const processes = Array.from({ length: 3 }, () => firing(all));
    const steps: string[] = [];
    for (let step = 0; step < STEPS; step += 1) {
      steps.push(await act(all, model, random));
      const now = processes.slice(0, random.between(1, 3));
      await Promise.all(now.map(({ database, fire }) => fire(database)));
      model.sweep();
      await compare(all, model, `seed ${seed}\n${steps.join('\n')}`);
    }
    expect(model.fired.length, `seed ${seed} fired nothing`).toBeGreaterThan(0);
  });
}

/** Does one thing to schedule and model; says what. */
async function act(all: Setup, model: ScheduleModel, random: Random): Promise<string> {
  const { schedules } = all.unstuck;
  const what = random.pick([
    'wait',
    'wait',
    'wait',
    'leap',
    'back',
    'set',
    'pause',
    'resume',
    'end',
    'end',
  ]);
  if (what === 'wait' || what === 'leap' || what === 'back') {
    const by = {
      wait: random.between(1, 2),
      leap: random.between(3, 30),
      back: -random.between(1, 10),
    };
    model.now = Math.max(0, model.now + by[what]);
    await setClock(all, minute(model.now));
    return `the clock shows ${model.now}`;
  }
  if (what === 'set') {
    const settings = anySettings(random);
    await schedules.set('s', specOf(settings));
    model.set(settings);
    return `set ${JSON.stringify(settings)}`;
  }
  if (what === 'pause') {
    const until = random.pick([null, model.now + random.between(1, 8)]);
    await schedules.pause('s', until === null ? {} : { until: minute(until) });
    model.pause = { until };
    return `pause until ${until}`;
  }
  if (what === 'resume') {
    await schedules.resume('s');
    model.resume();
    return 'resume';
  }
  const run = model.live[0];
  if (run === undefined) return 'nothing';
  await all.unstuck.cancel(await jobAt(all, run.at));
  model.end(run.at);
  return `the run of ${run.at} ends`;
}

async function jobAt({ query }: Setup, at: number): Promise<string> {
  const [row] = await query<{ id: string }>(
    'select id::text from unstuck.jobs where tags @> array[$1]',
    [`nominal:${minute(at).toISOString()}`],
  );
  return row?.id ?? '';
}

async function compare(all: Setup, model: ScheduleModel, why: string): Promise<void> {
  const seen = await all.unstuck.schedules.get('s');
  expect(
    {
      fired: await nominals(all, 's'),
      next: seen?.nextAt,
      last: seen?.lastAt,
      firedTimes: seen?.firedTimes,
      missed: seen?.missedTimes,
      skipped: seen?.skippedTimes,
      live: (await all.query('select from unstuck.jobs')).length,
    },
    why,
  ).toEqual({
    fired: model.fired.toSorted((a, b) => a - b).map((at) => minute(at).toISOString()),
    next: minute(model.next),
    last: model.last === null ? null : minute(model.last),
    firedTimes: model.fired.length,
    missed: model.missed,
    skipped: model.skipped,
    live: model.live.length,
  });
}
