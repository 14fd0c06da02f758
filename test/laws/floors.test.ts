// The floors of src/: import down or your own floor, features and doors keep to themselves, and nothing goes in circles.
import { describe, expect, test } from 'vitest';
import { floorViolations, packageViolations } from './support/floors.ts';
import { importCycles, importGraph, specifiersOf } from './support/import-graph.ts';
import { readSources, sourceFiles } from './support/source-files.ts';

test('src imports down or its own floor only', () => {
  expect(floorViolations(readSources('src'))).toEqual([]);
});

test('a package is used on the floors where it belongs', () => {
  expect(packageViolations(readSources('src'))).toEqual([]);
});

test('no file imports itself by any way round, type imports included', () => {
  const graph = importGraph(readSources('src', 'test', 'scripts', 'examples'));
  expect(importCycles(graph).map((cycle) => cycle.join(' -> '))).toEqual([]);
});

describe('the law catches', () => {
  test.each([
    ["import { a } from '../engine/worker.ts';", 'imports up'],
    ["import type { A } from '../engine/worker.ts';", 'imports up'],
    ["import { type A } from '../engine/worker.ts';", 'imports up'],
    ["import '../engine/worker.ts';", 'imports up'],
    ["export { a } from '../engine/worker.ts';", 'imports up'],
    ["export * from '../engine/worker.ts';", 'imports up'],
    ["const a = await import('../engine/worker.ts');", 'imports up'],
    ["type A = import('../engine/worker.ts').A;", 'imports up'],
    ["new Worker(new URL('../engine/worker' + ext, import.meta.url));", 'imports up'],
    ["import { a } from '../index.ts';", 'imports up'],
    ["import { a } from '../../test/a.ts';", 'leaves src'],
    ["import { a } from '../misc/a.ts';", 'stands on no floor'],
  ])('%s in storage', (statement, why) => {
    const found = floorViolations(sourceFiles({ 'src/storage/jobs.ts': statement }));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(why);
  });

  test.each([
    ['src/features/slots.ts', "import { a } from './doctor.ts';"],
    ['src/features/slots/policy.ts', "import { a } from '../doctor/main.ts';"],
    ['src/http/jobs.ts', "import { a } from '../cli/print.ts';"],
    ['src/cli/start.ts', "import { a } from '../http/jobs.ts';"],
    ['src/testing/index.ts', "import type { a } from '../http/index.ts';"],
  ])('a neighbour in %s', (path, statement) => {
    expect(floorViolations(sourceFiles({ [path]: statement }))).toEqual([
      expect.stringContaining('imports a neighbour'),
    ]);
  });

  test('a file beside the floors', () => {
    expect(floorViolations(sourceFiles({ 'src/extra.ts': '' }))).toHaveLength(1);
  });

  test('a package on the wrong floor', () => {
    const files = sourceFiles({
      'src/std/loop.ts': "import pg from 'pg';",
      'src/domain/job.ts': "import { readFile } from 'node:fs/promises';",
      'src/http/index.ts': "import { Hono } from 'hono'; import { a } from 'hono/streaming';",
    });
    expect(packageViolations(files)).toEqual([
      'src/std/loop.ts: pg does not belong on the floor std',
      'src/domain/job.ts: node:fs/promises does not belong on the floor domain',
    ]);
  });

  test('a cycle of types alone', () => {
    const graph = importGraph(
      sourceFiles({
        'src/domain/a.ts': "import type { B } from './b.ts';",
        'src/domain/b.ts': "export type { C } from './c.ts';",
        'src/domain/c.ts': "type A = import('./a.ts').A;",
      }),
    );
    expect(importCycles(graph)).toEqual([
      ['src/domain/a.ts', 'src/domain/b.ts', 'src/domain/c.ts', 'src/domain/a.ts'],
    ]);
  });
});

test('an import in a comment or a string is none', () => {
  const text = `// import a from './a.ts';\nconst b = "import c from './c.ts'"; /* export * from './d.ts' */`;
  expect(specifiersOf(text)).toEqual([]);
});

test('what lies below, on the same floor or behind an open door may be imported', () => {
  const files = sourceFiles({
    'src/storage/jobs.ts':
      "import './rows.ts'; import { sql } from '../sql/sql.ts'; import 'node:fs';",
    'src/features/slots/policy.ts': "import './limit.ts'; import '../../engine/worker.ts';",
    'src/cli/start.ts':
      "import { handler } from '../http/index.ts'; new URL('../../package.json', u);",
    'src/index.ts': "export { Unstuck } from './unstuck.ts';",
  });
  expect(floorViolations(files)).toEqual([]);
});
