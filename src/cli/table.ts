/** Tables of plain text: aligned and fitted to the width for a person, tab-separated for a program. */

/** One column. */
export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** May be cut when the table is wider than the screen; ids never are. The last such column is cut first. */
  readonly cut?: boolean;
}

/** A cell, with what it means to the eye. */
export type Cell = string | { readonly text: string; readonly paint: Paint };

/** The few colours that are used. */
export type Paint = 'red' | 'green' | 'yellow' | 'gray' | 'bold';

/** How a table is drawn. */
export interface TableLook {
  /** False: tabs, no titles, no colour, nothing cut. */
  readonly tty: boolean;
  readonly width: number;
  paint(text: string, paint: Paint): string;
}

const GAP = '  ';
const CUT_MIN = 8;

/** Draws rows as lines. */
export function drawTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  look: TableLook,
): string[] {
  const plain = rows.map((row) => row.map((cell) => oneLine(textOf(cell))));
  if (!look.tty) return plain.map((row) => row.join('\t'));
  const widths = fit(columns, plain, look.width);
  const titles = columns.map(({ title }, index) => pad(title, index));
  const lines = rows.map((row, at) =>
    row.map((cell, index) => paintCell(cell, pad(plain[at]?.[index] ?? '', index))),
  );
  return [titles.map((title) => look.paint(title, 'gray')), ...lines].map((cells) =>
    cells.join(GAP).trimEnd(),
  );

  function pad(text: string, index: number): string {
    const width = widths[index] ?? 0;
    const short =
      lengthOf(text) > width
        ? `${Array.from(text)
            .slice(0, width - 1)
            .join('')}…`
        : text;
    const space = ' '.repeat(width - lengthOf(short));
    if (columns[index]?.right === true) return space + short;
    return index === columns.length - 1 ? short : short + space;
  }

  function paintCell(cell: Cell, padded: string): string {
    return typeof cell === 'string' ? padded : look.paint(padded, cell.paint);
  }
}

/** The width of each column: what its longest cell needs, less where a column may be cut and the screen is too narrow. */
function fit(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(lengthOf(title), ...rows.map((row) => lengthOf(row[index] ?? ''))),
  );
  let excess = widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length) - width;
  for (let index = columns.length - 1; index >= 0 && excess > 0; index -= 1) {
    if (columns[index]?.cut !== true) continue;
    const spare = Math.min(excess, Math.max(0, (widths[index] ?? 0) - CUT_MIN));
    widths[index] = (widths[index] ?? 0) - spare;
    excess -= spare;
  }
  return widths;
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

/** A tab or line break in a value would look like the end of a cell, an escape sequence would act on the terminal. */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is replaced
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
