// Which file of dist/ a source file goes to: split by what is needed when, so that no process loads what it does not use.
import { resolve } from 'node:path';
import type { ChunkingContext, CodeSplittingGroup } from 'rolldown';

/** The files that are started by name: doors, the command, and threads and processes, which lie beside the code that starts them. */
export const ENTRIES: Readonly<Record<string, string>> = {
  index: 'src/index.ts',
  'http/index': 'src/http/index.ts',
  'testing/index': 'src/testing/index.ts',
  'cli/main': 'src/cli/main.ts',
  'chunks/lifeline-thread': 'src/engine/lifeline-thread.ts',
  'chunks/isolate-process': 'src/engine/isolate-process.ts',
  'chunks/isolate-watch-thread': 'src/engine/isolate-watch-thread.ts',
};

interface Chunk {
  readonly name: string;
  /** It holds what these files import, directly or not, and themselves unless they are entries. */
  readonly from: readonly string[];
  /** Only what these import as well. */
  readonly and?: readonly string[];
}

const LIBRARY = ['src/index.ts'];
/** What runs without the library: the command until it knows what to do, its supervisor and its health check. */
const COMMAND = ['src/cli/main.ts', 'src/cli/supervisor.ts', 'src/cli/healthcheck.ts'];
const CLIENT = ['src/http/client/index.ts'];

/** A source file goes to the first of these that holds it, and else where the bundler puts it. */
const CHUNKS: readonly Chunk[] = [
  {
    name: 'base',
    from: [...COMMAND, ...CLIENT, 'src/engine/isolate-watch-thread.ts'],
    and: [...LIBRARY, 'src/http/index.ts'],
  },
  { name: 'lifeline', from: ['src/engine/lifeline-thread.ts'], and: LIBRARY },
  { name: 'library', from: LIBRARY },
  { name: 'client', from: CLIENT },
  { name: 'command', from: COMMAND },
  { name: 'work', from: ['src/cli/work.ts'] },
];
/** All other commands; but `start` imports the door to HTTP, which none of them needs. */
const COMMANDS = /\/src\/cli\/(?!remote\/|(?:main|start)\.ts$)/;

/** Returns the groups of the bundler. Each is closed: what a file of it imports is in it, or in one before it. */
export function chunkGroups(): CodeSplittingGroup[] {
  const entries = new Set(Object.values(ENTRIES).map((path) => resolve(path)));
  const imports = new Map<string, readonly string[]>();
  const groups = CHUNKS.map(({ name, from, and = from }) => {
    let sides: readonly ReadonlySet<string>[] | undefined;
    return groupOf(name, (id, graph) => {
      sides ??= [from, and].map((paths) => reachable(paths, graph, imports));
      return sides.every((files) => files.has(id)) && !entries.has(id);
    });
  });
  return [...groups, groupOf('commands', (id) => COMMANDS.test(id))].map((group, index) => ({
    ...group,
    priority: CHUNKS.length - index,
  }));
}

function groupOf(
  name: string,
  holds: (id: string, graph: ChunkingContext) => boolean,
): CodeSplittingGroup {
  return { name: (id, graph) => (holds(id, graph) ? name : null), debugName: name };
}

/** These files and what they import, but for what they import later by `import()`. */
function reachable(
  from: readonly string[],
  graph: ChunkingContext,
  imports: Map<string, readonly string[]>,
): Set<string> {
  const found = new Set(from.map((path) => resolve(path)));
  for (const id of found) {
    const known = imports.get(id) ?? graph.getModuleInfo(id)?.importedIds ?? [];
    imports.set(id, known);
    for (const next of known) found.add(next);
  }
  return found;
}
