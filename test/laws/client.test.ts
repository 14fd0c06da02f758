// The client can be bundled into a web page: nothing of the server, of Node or of a package comes along.
import { expect, test } from 'vitest';
import { importGraph, specifiersOf } from './support/import-graph.ts';
import { readSources } from './support/source-files.ts';

const SRC = readSources('src');

test('the client imports its own files, the words of errors and timers, and no package', () => {
  const graph = importGraph(SRC);
  const reached = new Set(['src/http/client/index.ts']);
  for (const file of reached) for (const target of graph.get(file) ?? []) reached.add(target);
  const strangers = [...reached].filter(
    (file) => !/^src\/(?:http\/client|domain|std)\//.test(file),
  );
  expect(strangers).toEqual([]);
  const packages = [...reached].flatMap((file) =>
    specifiersOf(SRC.get(file) ?? '').filter((specifier) => !specifier.startsWith('.')),
  );
  expect(packages).toEqual([]);
  expect(reached.size).toBeGreaterThan(5);
});
