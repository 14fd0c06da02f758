/** The chart of growth: one panel for each thing that grows, with the rates of enqueue and drain of Unstuck. */
import { GROWING } from '../workloads/growth.ts';
import { find } from './lookup.ts';
import { shortNumber } from './number.ts';
import type { Row } from './summarize.ts';
import { picture, round, text } from './svg.ts';

const CONFIG = 'best';
const PANEL_WIDTH = 380;
const PANEL_HEIGHT = 210;
const INSET = { left: 48, right: 40, top: 48, bottom: 34 };
const LINES = [
  {
    figure: 'enqueuePerSecond',
    name: 'enqueue in bulk, jobs/s',
    line: 'first',
    dot: 'dot-first',
    above: true,
  },
  {
    figure: 'drainPerSecond',
    name: 'drain, jobs/s',
    line: 'second',
    dot: 'dot-second',
    above: false,
  },
] as const;

/** Returns the chart as SVG; undefined when there are no rows of growth. */
export function renderGrowth(rows: readonly Row[]): string | undefined {
  const own = find(rows, { workload: 'G' }).filter(({ config }) => config === CONFIG);
  const kinds = Object.keys(GROWING).filter((kind) => pointsOf(own, kind).length > 1);
  if (kinds.length === 0) return undefined;
  const panels = kinds.map((kind, at) => {
    const x = (at % 2) * PANEL_WIDTH;
    const y = 28 + Math.floor(at / 2) * PANEL_HEIGHT;
    return `<g transform="translate(${x} ${y})">\n${panel(kind, pointsOf(own, kind)).join('\n')}\n</g>`;
  });
  const legend = LINES.map(({ name, dot }, at) =>
    text(16 + at * 200, 20, `● ${name}`, { style: dot }),
  );
  const height = 28 + Math.ceil(kinds.length / 2) * PANEL_HEIGHT;
  return picture(PANEL_WIDTH * 2, height, 'How the cost grows', [...legend, ...panels]);
}

interface Point {
  readonly label: string;
  readonly row: Row;
}

function pointsOf(rows: readonly Row[], kind: string): readonly Point[] {
  return (GROWING[kind] ?? []).flatMap((value) => {
    const name = `${value.toLocaleString('en')} ${kind}`;
    const row = rows.find(({ variant }) => variant === name);
    return row === undefined ? [] : [{ label: shortNumber(value), row }];
  });
}

function panel(kind: string, points: readonly Point[]): readonly string[] {
  const bottom = PANEL_HEIGHT - INSET.bottom;
  const room = PANEL_WIDTH - INSET.left - INSET.right;
  const values = points.flatMap(({ row }) =>
    LINES.map(({ figure }) => row.figures[figure]?.median ?? 0),
  );
  const most = Math.max(...values);
  const xAt = (at: number): number => INSET.left + (at / (points.length - 1)) * room;
  const yAt = (value: number): number => bottom - (value / most) * (bottom - INSET.top);
  return [
    text(16, 22, `by ${kind}`, { style: 'head' }),
    `<line class="axis" x1="${INSET.left - 20}" y1="${bottom}" x2="${PANEL_WIDTH - 16}" y2="${bottom}"/>`,
    ...points.map(({ label }, at) =>
      text(xAt(at), bottom + 18, label, { style: 'quiet', anchor: 'middle' }),
    ),
    ...LINES.flatMap(({ figure, line, dot, above }) => {
      const spots = points.map(({ row }, at) => {
        const value = row.figures[figure]?.median ?? 0;
        return { x: round(xAt(at)), y: round(yAt(value)), value };
      });
      const path = spots.map(({ x, y }) => `${x},${y}`).join(' ');
      return [
        `<polyline class="line ${line}" points="${path}"/>`,
        ...spots.flatMap(({ x, y, value }) => [
          `<circle class="${dot}" cx="${x}" cy="${y}" r="3"/>`,
          text(x, above || y + 18 > bottom ? y - 8 : y + 16, shortNumber(value), {
            style: dot,
            anchor: 'middle',
          }),
        ]),
      ];
    }),
  ];
}
