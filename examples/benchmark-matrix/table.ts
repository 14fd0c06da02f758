// From measured cells to the answer that was wanted: which codec at which level for which sample. Pure.
import type { Measured } from './measure.ts';

/** A codec at a level, with what it is best at. */
export interface Best {
  readonly codec: string;
  readonly level: number;
  readonly ratio: number;
  readonly compressMs: number;
}

/** The best codecs for one sample. */
export interface BestOfSample {
  readonly sample: string;
  readonly bytes: number;
  /** The one with the largest ratio; among equals the faster one. */
  readonly smallest: Best;
  /** The fastest one that is within a tenth of the largest ratio. */
  readonly thrifty: Best;
}

const NEAR = 0.9;

/** Finds the best codecs for each sample, in the order in which samples were first measured. */
export function bestOf(cells: readonly Measured[]): BestOfSample[] {
  const samples = new Set(cells.map(({ sample }) => sample));
  return [...samples].map((sample) => {
    const measured = cells.filter((cell) => cell.sample === sample);
    const [smallest] = measured.toSorted(
      (a, b) => b.ratio - a.ratio || a.compressMs - b.compressMs,
    );
    const near = measured.filter(({ ratio }) => ratio >= (smallest?.ratio ?? 0) * NEAR);
    const [thrifty] = near.toSorted((a, b) => a.compressMs - b.compressMs || b.ratio - a.ratio);
    if (smallest === undefined || thrifty === undefined) throw new Error(`${sample} has no cells.`);
    return { sample, bytes: smallest.bytes, smallest: toBest(smallest), thrifty: toBest(thrifty) };
  });
}

/** Writes the best codecs as a table in Markdown. */
export function tableOf(best: readonly BestOfSample[]): string {
  const rows = best.map(({ sample, bytes, smallest, thrifty }) => [
    sample,
    `${bytes}`,
    shown(smallest),
    shown(thrifty),
  ]);
  const lines = [
    ['sample', 'bytes', 'smallest', 'fast and small'],
    ['---', '--:', '---', '---'],
    ...rows,
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function toBest({ codec, level, ratio, compressMs }: Measured): Best {
  return { codec, level, ratio, compressMs };
}

function shown({ codec, level, ratio, compressMs }: Best): string {
  return `${codec} ${level}: ${ratio.toFixed(2)} in ${compressMs.toFixed(1)} ms`;
}
