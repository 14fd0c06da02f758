/** Writes the report and its charts beside the results. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readResults } from '../core/results.ts';
import { renderComparison } from './comparison-chart.ts';
import { renderGrowth } from './growth-chart.ts';
import { renderReport } from './markdown.ts';
import { summarize } from './summarize.ts';

/** Renders files of results into a directory and returns what it wrote: Markdown first, then the charts. */
export async function writeReport(
  files: readonly string[],
  directory: string,
): Promise<readonly string[]> {
  const results = readResults(files);
  const rows = summarize(results.cells);
  const name = basename(files[0] ?? 'run', '.jsonl');
  const growth = renderGrowth(rows);
  const pictures = [
    { file: `${name}-comparison.svg`, content: renderComparison(rows) },
    ...(growth === undefined ? [] : [{ file: `${name}-growth.svg`, content: growth }]),
  ];
  const charts = pictures.map(({ file }) => file);
  const report = { file: `${name}.md`, content: renderReport(results, charts) };
  await mkdir(directory, { recursive: true });
  const written = [report, ...pictures];
  for (const { file, content } of written) await writeFile(join(directory, file), content);
  return written.map(({ file }) => join(directory, file));
}
