/** Renders results as Markdown: conditions, targets, and one table for each workload. */
import type { Machine, Results } from '../core/results.ts';
import { WORKLOADS } from '../workloads/all.ts';
import type { Workload } from '../workloads/workload.ts';
import { TABLES, type TableShape } from './columns.ts';
import { best, find, nameOf } from './lookup.ts';
import { shownNumber } from './number.ts';
import { type Figure, type Row, summarize } from './summarize.ts';
import { judge } from './targets.ts';

/** Returns the whole report. `charts` are the files to show above the tables. */
export function renderReport(results: Results, charts: readonly string[]): string {
  const rows = summarize(results.cells);
  const parts = [
    '# Measurements\n',
    ...(results.machine === undefined ? [] : [conditions(results.machine)]),
    ...charts.map((file) => `![${file}](${file})\n`),
    targets(rows),
    ...WORKLOADS.map((workload) => section(workload, rows)),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function conditions({ at, processors, memoryGb, versions, scale }: Machine): string {
  const installed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured ${at.slice(0, 10)} on ${processors}, ${memoryGb} GB, which servers, workers and producers share; scale: ${scale}.`,
    `${installed.join(', ')}.`,
    'Figures are medians of the rounds, with the least and the most in brackets. "Unstuck is better by" compares the first figure of a row with the best row',
    'of Unstuck for the same case: above 1 Unstuck is better. Absolute numbers do not transfer to other machines.\n',
  ].join('\n');
}

function targets(rows: readonly Row[]): string {
  const lines = judge(rows)
    .filter(({ measured }) => measured !== undefined)
    .map(({ target, measured, met }) => {
      const limit = `${target.kind === 'at least' ? '≥' : '≤'} ${target.limit}`;
      const value = measured === undefined ? '–' : shownNumber(measured.value);
      return `| ${target.name} | ${limit} | ${value} | ${met ? 'yes' : '**no**'} | ${measured?.against ?? ''} |`;
    });
  if (lines.length === 0) return '';
  const head =
    '## Targets\n\n| target | limit | measured | met | of, or against |\n| --- | --- | --- | --- | --- |';
  return `${head}\n${lines.join('\n')}\n`;
}

function section({ name, title, about }: Workload, rows: readonly Row[]): string {
  const own = rows.filter(({ workload }) => workload === name);
  if (own.length === 0) return '';
  const shape = TABLES[name];
  const columns = shape.columns.filter(({ figure }) =>
    own.some(({ figures }) => figures[figure] !== undefined),
  );
  const compared = name !== 'G';
  const heads = [
    'case',
    'system',
    'commits',
    ...columns.map(({ head }) => head),
    ...(compared ? ['Unstuck is better by'] : []),
    'history',
    'handlers',
    'rounds',
  ];
  const lines = own.map((row) =>
    [
      row.variant,
      nameOf(row),
      row.sync === 'on' ? 'durable' : 'not durable',
      ...columns.map(({ figure }) => shownFigure(row.figures[figure])),
      ...(compared ? [advantage(row, rows, shape)] : []),
      row.history ? 'kept' : 'no',
      row.handlers,
      row.rounds,
    ].join(' | '),
  );
  const table = [heads.join(' | '), heads.map(() => '---').join(' | '), ...lines];
  return `## ${title}\n\n${about}\n\n${table.map((line) => `| ${line} |`).join('\n')}\n`;
}

function shownFigure(figure: Figure | undefined): string {
  if (figure === undefined) return '';
  const { median, least, most } = figure;
  const range = least === most ? '' : ` (${shownNumber(least)}–${shownNumber(most)})`;
  return `${shownNumber(median)}${range}`;
}

/** How many times better the best row of Unstuck for the same case is. */
function advantage(row: Row, rows: readonly Row[], { columns, better }: TableShape): string {
  const figure = columns[0]?.figure ?? '';
  const other = row.figures[figure]?.median;
  const { workload, variant, sync } = row;
  const own = best(find(rows, { workload, variant, sync, systems: ['unstuck'] }), figure, better);
  if (own === undefined || other === undefined || row.system === 'unstuck') return '';
  return `${shownNumber(better === 'highest' ? own.value / other : other / own.value)} ×`;
}
