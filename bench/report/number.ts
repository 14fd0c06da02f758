/** Numbers as the tables and charts show them: three significant digits, thousands separated. */

/** Returns a figure with as many digits as it deserves. */
export function shownNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  if (Math.abs(value) >= 100 || value === 0) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** Returns a figure for a label: 41.5 k, 1.2 M. */
export function shortNumber(value: number): string {
  if (value >= 1_000_000) return `${trim(value / 1_000_000)} M`;
  if (value >= 1_000) return `${trim(value / 1_000)} k`;
  if (Number.isInteger(value)) return String(value);
  return shownNumber(value);
}

function trim(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0).replace(/\.0$/, '');
}
