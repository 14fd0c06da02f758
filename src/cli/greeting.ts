/** What `unstuck start` says when everything runs: where it is, what it does, how to try it. */
import { relative } from 'node:path';
import type { BridgeDefinition } from '../domain/define-bridge.ts';
import type { AnyJob } from '../domain/define-job.ts';
import { VERSION } from '../domain/version.ts';
import type { HttpServer } from '../http/index.ts';
import type { Unstuck } from '../unstuck.ts';
import { commandName } from './command-name.ts';
import type { TryIt } from './load-jobs.ts';
import type { Screen } from './screen.ts';

/** What runs. */
export interface Running {
  readonly unstuck: Unstuck;
  readonly server: HttpServer;
  readonly jobs: readonly AnyJob[];
  readonly bridges: readonly BridgeDefinition[];
  /** Whether jobs are run here. */
  readonly works: boolean;
  readonly tryIt: TryIt | undefined;
  /** How many jobs the first start enqueued to look at; 0 later. */
  readonly demo: number;
  readonly concurrency: number;
}

/** Writes it: in words, or as one JSON object. */
export function greet(screen: Screen, running: Running): void {
  const { unstuck, server, jobs } = running;
  const types = jobs.map((job) => job.type);
  if (screen.json) {
    const { address, embedded, config } = unstuck;
    screen.value({ url: server.url, database: address, embedded, schema: config.schema, types });
    return;
  }
  screen.line(screen.paint(`Unstuck ${VERSION} is running.`, 'bold'));
  screen.line();
  screen.line(`  database  ${databaseOf(unstuck)}`);
  screen.line(
    `  serving   ${server.url}  (/livez, /readyz, /metrics, and /v1/…, described in /openapi.json)`,
  );
  screen.line(`  worker    ${workerOf(types, running)}`);
  for (const { name, list } of running.bridges)
    screen.line(`  bridge    ${name}: messages of the Redis list ${list} become jobs`);
  if (running.demo > 0)
    screen.line(
      `  to see    ${running.demo} jobs of the examples, enqueued because this is the first start`,
    );
  screen.line();
  screen.line('Try it, in another terminal:');
  for (const line of tries(running)) screen.line(`  ${line}`);
  screen.line();
  screen.line('Ctrl-C stops everything; jobs that are not finished go on at the next start.');
  screen.line();
}

function databaseOf({ embedded, address, config }: Unstuck): string {
  if (!embedded) return `${address}, schema ${config.schema}`;
  const directory = relative('.', config.directory) || '.';
  return `embedded PostgreSQL, kept in ${directory}/  (${address})`;
}

function workerOf(types: readonly string[], { works, concurrency }: Running): string {
  if (!works) return 'none: it only serves, and moves what is late';
  if (types.length === 0)
    return 'none: no module was given; it only serves, and moves what is late';
  return `up to ${concurrency} jobs at once of the types ${types.join(', ')}`;
}

function tries({ server, jobs, tryIt }: Running): string[] {
  const type = tryIt?.type ?? jobs[0]?.type ?? 'hello';
  const input = tryIt?.input ?? { 'your input': 'of this type' };
  const token = server.guarded ? ' -H "authorization: Bearer $UNSTUCK_TOKEN"' : '';
  const body = shellQuoted(JSON.stringify({ type, input }));
  return [
    `curl -s ${fromHere(server.url)}/v1/jobs${token} -H 'content-type: application/json' -d ${body}`,
    `${commandName()} enqueue ${type} ${shellQuoted(JSON.stringify(input))} --wait`,
    `${commandName()} status`,
  ];
}

/** What serves every address is reached by one of this machine. */
function fromHere(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
