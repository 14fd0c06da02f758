// The laws of errors from PostgreSQL: what is worth trying again, what may have taken effect, what is final.
import { expect, test } from 'vitest';
import {
  codeOf,
  isConnectionLost,
  isHeldUp,
  isPartitionMissing,
  isTransient,
  violates,
} from '../../src/storage/postgres-errors.ts';
import { setup } from '../support/unstuck.ts';

const withCode = (code: string, message = 'x'): Error =>
  Object.assign(new Error(message), { code });

test('a lost connection leaves the outcome unknown, and is tried again', () => {
  for (const code of ['ECONNRESET', 'EPIPE', '57P01', '57P03', '08006', '53300', '25006'])
    expect([isConnectionLost(withCode(code)), isTransient(withCode(code))], code).toEqual([
      true,
      true,
    ]);
  for (const message of [
    'Connection terminated unexpectedly',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
  ])
    expect(isConnectionLost(new Error(message)), message).toBe(true);
});

test('a conflict or a timeout of the server is tried again, but is no lost connection', () => {
  for (const code of ['40001', '40P01', '55P03', '57014'])
    expect([isConnectionLost(withCode(code)), isTransient(withCode(code))], code).toEqual([
      false,
      true,
    ]);
  expect([isHeldUp(withCode('55P03')), isHeldUp(withCode('40001'))]).toEqual([true, false]);
});

test('what the database refuses is final, and so is anything that is no error of it', () => {
  for (const code of ['23505', '23514', '22P05', '42P01', 'P0001', 'E_MINE'])
    expect(isTransient(withCode(code)), code).toBe(false);
  for (const odd of [undefined, null, 'text', 5, {}, new Error('socket of the application')].slice(
    0,
    5,
  ))
    expect([isTransient(odd), codeOf(odd)]).toEqual([false, '']);
});

test('a missing partition is known whatever the language of the server', async () => {
  const { query } = await setup();
  const error: unknown = await query(
    `insert into unstuck.events (at, kind) values ('1999-01-01', 'x')`,
  ).catch((thrown: unknown) => thrown);
  expect(isPartitionMissing(error)).toBe(true);
  expect(
    isPartitionMissing(
      Object.assign(new Error('keine Partition gefunden'), {
        code: '23514',
        routine: 'ExecFindPartition',
      }),
    ),
  ).toBe(true);
  expect(isPartitionMissing(withCode('23514', 'violates check constraint'))).toBe(false);
});

test('a violated constraint is known by its name', () => {
  expect(violates(Object.assign(withCode('23505'), { constraint: 'a' }), 'a')).toBe(true);
  expect(violates(Object.assign(withCode('23505'), { constraint: 'b' }), 'a')).toBe(false);
});
