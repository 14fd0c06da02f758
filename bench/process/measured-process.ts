/** A forked process that holds one side of one system: a producer or a worker. Started by `Measured`. */
import { flushCompileCache } from 'node:module';
import { nowMs } from '../core/monotonic.ts';
import type { Payload } from '../core/payload.ts';
import type { Producer, RunningWorker, System } from '../core/system.ts';
import { findConfig } from '../systems/configs.ts';
import { openSystem } from '../systems/open-system.ts';
import { enqueueMany, enqueueOnes, enqueuePaced, enqueueSpaced } from './enqueueing.ts';
import type { Asked, Handling, Question, Questions, Told, Usage } from './messages.ts';

const REPORT_MS = 10;
const [, , systemName = '', configName = '', url = ''] = process.argv;

let handled = 0;
let latencies: number[] = [];
let worker: RunningWorker | undefined;
let opened: Producer | undefined;

const system: System = await openSystem(findConfig(systemName, configName), url);

const answers: { [Q in Question]: (ask: Questions[Q]['ask']) => Promise<Questions[Q]['answer']> } =
  {
    load: async () => system.load?.(),
    prepare: async ({ types }) => {
      await system.prepare(types);
      // Processes are killed here, which would lose the cache.
      flushCompileCache();
    },
    work: async ({ types, handling, report, bare = false }) => {
      if (report) reportHandled();
      worker = await system.work({ types, handle: handler(handling), bare });
    },
    stop: async () => worker?.stop(),
    usage: async () => usage(),
    latencies: async () => latencies.splice(0),
    produce: async ({ types }) => {
      opened = await system.producer(types);
    },
    ones: (ask) => enqueueOnes(producer(), ask),
    many: (ask) => enqueueMany(producer(), ask),
    paced: (ask) => enqueuePaced(producer(), ask),
    spaced: (ask) => enqueueSpaced(producer(), ask),
    left: () => producer().left(),
    close: async () => opened?.close(),
  };

process.on('message', (asked: Asked) => void answer(asked));
process.on('disconnect', () => process.exit(1));
tell({ ready: true });

async function answer({ id, question, ask }: Asked): Promise<void> {
  try {
    const answering = answers[question] as (ask: unknown) => Promise<unknown>;
    tell({ id, answer: await answering(ask) });
  } catch (error) {
    tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function producer(): Producer {
  if (opened === undefined) throw new Error('Expected the question `produce` first.');
  return opened;
}

function handler(handling: Handling): (payload: Payload) => void | Promise<void> {
  switch (handling) {
    case 'count':
      return () => {
        handled += 1;
      };
    case 'latency':
      return ({ sentAt }) => {
        latencies.push(nowMs() - sentAt);
        handled += 1;
      };
    case 'report':
      return ({ n }) => tell({ startedAt: nowMs(), n });
    case 'hang':
      return ({ n }) => {
        tell({ startedAt: nowMs(), n });
        return new Promise<void>(() => undefined);
      };
  }
}

/** Only while a drain is timed: an idle worker must not be woken by its harness. */
function reportHandled(): void {
  let reported = 0;
  setInterval(() => {
    if (handled === reported) return;
    reported = handled;
    tell({ handled });
  }, REPORT_MS).unref();
}

function usage(): Usage {
  const { user, system: kernel } = process.cpuUsage();
  return {
    cpuMs: (user + kernel) / 1_000,
    rssBytes: process.memoryUsage.rss(),
    rssBytesMax: process.resourceUsage().maxRSS * 1_024,
    handled,
  };
}

function tell(told: Told): void {
  process.send?.(told);
}
