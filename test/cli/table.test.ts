// The laws of tables: a person sees columns that fit the screen, a program tab-separated values that are whole.
import { expect, test } from 'vitest';
import { describeFailure } from '../../src/cli/describe-failure.ts';
import { type Column, drawTable, type TableLook } from '../../src/cli/table.ts';
import { unstuckError } from '../../src/domain/errors.ts';
import { hidePasswords } from '../../src/domain/secrets.ts';

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'TYPE', cut: true },
  { title: 'N', right: true },
  { title: 'NOTE', cut: true },
];
const ID = '01a20077-9475-7261-9e06-aa4ced104c00';
const ROWS = [
  [ID, 'report.build', '7', 'a rather long note that tells much'],
  [ID, 'x', '1000', ''],
];

function look(tty: boolean, width: number, colours = false): TableLook {
  return { tty, width, paint: (text, paint) => (colours ? `<${paint}>${text}</>` : text) };
}

test('at 120 columns everything is whole and aligned', () => {
  expect(drawTable(COLUMNS, ROWS, look(true, 120))).toEqual([
    'ID                                    TYPE             N  NOTE',
    `${ID}  report.build     7  a rather long note that tells much`,
    `${ID}  x             1000`,
  ]);
});

test('at 80 columns the last column that may be is cut, never an id', () => {
  const lines = drawTable(COLUMNS, ROWS, look(true, 80));
  expect(lines[1]).toBe(`${ID}  report.build     7  a rather long note th…`);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('at 40 columns ids are still whole', () => {
  for (const line of drawTable(COLUMNS, ROWS, look(true, 40)).slice(1)) expect(line).toContain(ID);
});

test('a program gets tabs, no titles, no colours, and nothing cut', () => {
  const rows = [[ID, { text: 'failed', paint: 'red' as const }, '7', 'x'.repeat(500)]];
  expect(drawTable(COLUMNS, rows, look(false, 40, false))).toEqual([
    `${ID}\tfailed\t7\t${'x'.repeat(500)}`,
  ]);
});

test('a value can neither end a cell nor act on the terminal', () => {
  const [line] = drawTable([], [['a\tb\nc\u001b[31md', 'e']], look(false, 80));
  expect(line).toBe('a b c [31md\te');
});

test('colours surround the padded cell, so that columns stay aligned', () => {
  const rows = [[ID, { text: 'failed', paint: 'red' as const }, '7', '']];
  expect(drawTable(COLUMNS, rows, look(true, 120, true))[1]).toContain('<red>failed</>');
});

test.each([
  ['postgres://me:secret@host/db', 'postgres://me@host/db'],
  ['at postgres://me:se@cr/et@host:5432/db?x=1 now', 'at postgres://me@host:5432/db?x=1 now'],
  ['postgresql://host/db?password=secret&x=1', 'postgresql://host/db?password=…&x=1'],
  ['http://127.0.0.1:8790/v1', 'http://127.0.0.1:8790/v1'],
])('no password is written: %s', (text, hidden) => {
  expect(hidePasswords(text)).toBe(hidden);
});

test('an error says what happened, its cause, what to do and its code, and a stack only if asked', () => {
  const error = unstuckError('DATABASE_UNREACHABLE', 'PostgreSQL could not be reached.', {
    cause: new Error('connect ECONNREFUSED'),
  });
  expect(describeFailure(error, false).split('\n')).toEqual([
    'unstuck: PostgreSQL could not be reached.',
    '  cause  connect ECONNREFUSED',
    expect.stringMatching(/^ {2}do {5}Check the address/),
    '  code   DATABASE_UNREACHABLE',
  ]);
  expect(describeFailure(error, true)).toMatch(/\n {4}at /);
  expect(describeFailure('a text', false)).toContain('unstuck: a text');
});
