/**
 * Columns: rows in the form in which statements take them, one array for each field, and null for a field that no row has (it then costs
 * nothing). Measured for 1,000 jobs: 6 µs a row in the server, against 9 µs as one JSON list of objects.
 */

type Plain = string | number | boolean | null | undefined;

/** A column of values that need no quotes: ids, numbers, booleans, ISO times. */
export function plainColumn<Row>(rows: readonly Row[], read: (row: Row) => Plain): string | null {
  return column(rows, '{', '}', (row) => {
    const value = read(row);
    return value === undefined || value === null ? undefined : String(value);
  });
}

/** A column of texts. */
export function textColumn<Row>(
  rows: readonly Row[],
  read: (row: Row) => string | null | undefined,
): string | null {
  return column(rows, '{', '}', (row) => {
    const value = read(row);
    return value === undefined || value === null ? undefined : quoted(value);
  });
}

/** A column of JSON texts, as one JSON list. */
export function jsonColumn<Row>(
  rows: readonly Row[],
  read: (row: Row) => string | undefined,
): string | null {
  return column(rows, '[', ']', read);
}

/** One text as an element of an array. */
function quoted(text: string): string {
  return `"${SPECIAL.test(text) ? text.replaceAll(SPECIALS, '\\$&') : text}"`;
}

const SPECIAL = /["\\]/;
const SPECIALS = /["\\]/g;

function column<Row>(
  rows: readonly Row[],
  open: string,
  close: string,
  element: (row: Row) => string | undefined,
): string | null {
  // Most fields are those of no row, and nothing is made for them.
  if (!rows.some((row) => element(row) !== undefined)) return null;
  return `${open}${rows.map((row) => element(row) ?? 'null').join(',')}${close}`;
}
