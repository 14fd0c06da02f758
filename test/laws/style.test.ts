// The rules of STYLE.md that a test can see, on the whole project and on fixtures that break them.
import { expect, test } from 'vitest';
import { readSources, type SourceFiles, sourceFiles } from './support/source-files.ts';
import * as style from './support/style.ts';

/** SQL outside src/sql: path, and why it must stand there. */
const SQL_PASSAGES: style.SqlPassages = {};

const SRC: SourceFiles = readSources('src');
const ALL: SourceFiles = readSources('src', 'test', 'scripts', 'examples');

test('names are kebab-case and say what is in the file', () => {
  expect(style.nameViolations(ALL.keys())).toEqual([]);
  expect(style.nameViolations(['src/std/array-util.ts', 'test/support/jobHelper.ts'])).toEqual([
    'src/std/array-util.ts: `util` does not say what is in it',
    'test/support/jobHelper.ts: `jobHelper` is not kebab-case',
  ]);
  expect(style.nameViolations(['src/data/jobs.ts', 'src/sql/database.ts'])).toHaveLength(1);
});

test('postponed work names its issue', () => {
  expect(style.postponements(ALL)).toEqual([]);
  const files = sourceFiles({
    'src/a.ts': 'let todo = "TODO";\n// TODO later\n/* FIXME */ // TODO(#12) and TODO #12 are kept',
  });
  expect(style.postponements(files)).toEqual([
    'src/a.ts:2: TODO without an issue number',
    'src/a.ts:3: FIXME without an issue number',
  ]);
});

test('every test runs', () => {
  expect(style.unrunTests(ALL)).toEqual([]);
  const files = sourceFiles({
    'test/a.test.ts':
      "test.skip('a', f);\ndescribe.concurrent.only('b', f); test.skipIf(c)('c', f); 'test.todo'",
  });
  expect(style.unrunTests(files)).toEqual([
    'test/a.test.ts:1: test.skip keeps tests from running',
    'test/a.test.ts:2: describe.concurrent.only keeps tests from running',
  ]);
});

test('every file begins with its purpose', () => {
  expect(style.unexplainedFiles(ALL)).toEqual([]);
  const files = sourceFiles({
    'src/a.ts': "import './b.ts';\n// Too late.",
    'src/b.ts': '#!/usr/bin/env node\n// The command.\nrun();',
    'src/c.ts': '#!/usr/bin/env node\nrun();',
  });
  expect(style.unexplainedFiles(files)).toEqual([
    'src/a.ts: no purpose sentence on top',
    'src/c.ts: no purpose sentence on top',
  ]);
});

test('every export of src has a docstring', () => {
  expect(style.undocumentedExports(SRC)).toEqual([]);
  const files = sourceFiles({
    'src/a.ts':
      '/** Fine. */\nexport interface A {}\nexport const b = 1;\nexport async function c() {}\n' +
      '/** Overloaded. */\nexport function d(x: 1): 1;\nexport function d(x: unknown) {}\n',
  });
  expect(style.undocumentedExports(files)).toEqual([
    'src/a.ts: b has no docstring',
    'src/a.ts: c has no docstring',
  ]);
});

test('SQL stands in src/sql', () => {
  expect(style.strayStatements(SRC, SQL_PASSAGES)).toEqual([]);
});

test.each([
  "'select 1'",
  '"SELECT id FROM jobs"',
  '`\n  with due as materialized (select 1) select 2`',
  '`with due (id) as (select 1) select 2`',
  '`/* unstuck:claim */ update jobs set state = $1`',
  '`-- why\n delete from jobs`',
  "'insert into jobs values ($1)'",
  'sql`update ${jobs} set state = $1`',
  "'set local lock_timeout = 1000'",
  "'create table jobs ()'",
  "'drop schema unstuck cascade'",
])('a statement outside src/sql is caught: %s', (text) => {
  const files = { 'src/storage/jobs.ts': `run(${text});`, 'src/sql/jobs.ts': `run(${text});` };
  expect(style.strayStatements(sourceFiles(files))).toHaveLength(1);
  expect(style.strayStatements(sourceFiles(files), { 'src/storage/jobs.ts': 'a reason' })).toEqual(
    [],
  );
});

test.each([
  "'update'",
  "'Select a job first.'",
  '`with ${count} jobs`',
  "'delete the job'",
  "'Set UNSTUCK_DATABASE_URL to the address of a PostgreSQL.'",
])('prose is not a statement: %s', (text) => {
  expect(style.strayStatements(sourceFiles({ 'src/cli/print.ts': `say(${text});` }))).toEqual([]);
});

test('a passage that nothing uses is reported', () => {
  expect(
    style.strayStatements(sourceFiles({}), { 'src/storage/jobs.ts': 'a reason' }),
  ).toHaveLength(1);
});

test('domain and sql are pure: clock, randomness and waiting are passed in', () => {
  expect(style.impurities(SRC)).toEqual([]);
  const text = "const a = Date.now();\nnew Date(); new Date(a); Math.random(); 'Date.now'";
  const files = sourceFiles({ 'src/domain/a.ts': text, 'src/engine/a.ts': text });
  expect(style.impurities(files)).toEqual([
    'src/domain/a.ts:1: Date.now: let the caller pass it in',
  ]);
});
