/** The chart that compares systems: one panel of bars for each question, the best configuration of each system. */
import type { SystemName, WorkloadName } from '../systems/configs.ts';
import { type Best, best, find, nameOf } from './lookup.ts';
import { shownNumber } from './number.ts';
import type { Row } from './summarize.ts';
import { picture, round, text } from './svg.ts';

interface Panel {
  readonly title: string;
  readonly workload: WorkloadName;
  readonly variant?: string;
  readonly figure: string;
  readonly better: 'highest' | 'lowest';
}

const PANELS: readonly Panel[] = [
  {
    title: 'Enqueue one at a time, 50 callers: jobs/s',
    workload: 'W1a',
    figure: 'jobsPerSecond',
    better: 'highest',
  },
  { title: 'Enqueue in bulk: jobs/s', workload: 'W1b', figure: 'jobsPerSecond', better: 'highest' },
  {
    title: 'Drain, one process: jobs/s',
    workload: 'W2',
    variant: '1 process',
    figure: 'jobsPerSecond',
    better: 'highest',
  },
  {
    title: 'Idle, enqueue to start, p99: ms (less is better)',
    workload: 'W3',
    figure: 'p99Ms',
    better: 'lowest',
  },
  {
    title: '1,000/s sustained, p99: ms (less is better)',
    workload: 'W4',
    variant: '1,000/s',
    figure: 'p99Ms',
    better: 'lowest',
  },
  {
    title: '4,000/s sustained, p99: ms (less is better)',
    workload: 'W4',
    variant: '4,000/s',
    figure: 'p99Ms',
    better: 'lowest',
  },
  {
    title: 'Recovery after kill -9, default settings: ms (less is better)',
    workload: 'W5',
    figure: 'recoveryMs',
    better: 'lowest',
  },
];
const SYSTEMS: readonly SystemName[] = ['unstuck', 'graphile', 'pgboss', 'bullmq', 'raw'];
const WIDTH = 760;
const LEFT = 190;
const BAR_MOST = WIDTH - LEFT - 90;
const BAR = 20;
const GAP = 34;

/** Returns the chart as SVG; panels without rows are left out. */
export function renderComparison(rows: readonly Row[]): string {
  const body: string[] = [];
  let y = 8;
  for (const panel of PANELS) {
    const bars = barsOf(panel, rows);
    if (bars.length === 0) continue;
    body.push(text(8, y + 16, panel.title, { style: 'head' }), ...bars.flatMap(bar(y + 26, bars)));
    y += 26 + bars.length * BAR + GAP - 14;
  }
  body.push(
    text(
      8,
      y + 12,
      'Durable commits. Medians. The best configuration of each system; raw SQL is the floor.',
      { style: 'quiet' },
    ),
  );
  return picture(WIDTH, y + 24, 'Unstuck beside other queues', body);
}

function barsOf(
  { workload, variant, figure, better }: Panel,
  rows: readonly Row[],
): readonly Best[] {
  const where = variant === undefined ? { workload } : { workload, variant };
  return SYSTEMS.flatMap(
    (system) => best(find(rows, { ...where, systems: [system] }), figure, better) ?? [],
  );
}

function bar(top: number, bars: readonly Best[]): (each: Best, at: number) => readonly string[] {
  const most = Math.max(...bars.map(({ value }) => value));
  return ({ row, value }, at) => {
    const y = top + at * BAR;
    const width = Math.max(1, (value / most) * BAR_MOST);
    const kind = row.system === 'unstuck' ? 'own' : row.system === 'raw' ? 'floor' : 'peer';
    const bound = row.figures['recovered']?.median === 0 ? '> ' : '';
    return [
      text(LEFT - 8, y + 13, nameOf(row), { anchor: 'end' }),
      `<rect class="${kind}" x="${LEFT}" y="${y + 2}" width="${round(width)}" height="${BAR - 6}" rx="2"/>`,
      text(LEFT + width + 6, y + 13, `${bound}${shownNumber(value)}`),
    ];
  };
}
