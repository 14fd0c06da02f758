/** Loads the modules that a command was given and finds the definitions that they export. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AlertsDefinition } from '../domain/define-alerts.ts';
import type { BridgeDefinition } from '../domain/define-bridge.ts';
import type { AnyJob } from '../domain/define-job.ts';
import type { TargetDefinition } from '../domain/define-target.ts';
import { unstuckError } from '../domain/errors.ts';
import {
  findAlerts,
  findBridges,
  findDefinitions,
  findTargets,
} from '../domain/find-definitions.ts';
import type { Unstuck } from '../unstuck.ts';

/** An input that a module offers for trying one of its types: its export `tryIt`. */
export interface TryIt {
  readonly type: string;
  readonly input: unknown;
}

/** Enqueues something to look at, on the first start of an installation: a module's export `demo`. */
export type Demo = (unstuck: Unstuck) => Promise<readonly unknown[]>;

/** What the modules export. */
export interface LoadedJobs {
  readonly jobs: readonly AnyJob[];
  readonly targets: readonly TargetDefinition[];
  readonly alerts: AlertsDefinition | undefined;
  readonly bridges: readonly BridgeDefinition[];
  readonly tryIt: TryIt | undefined;
  readonly demos: readonly Demo[];
}

/** Imports every module, by its path from the working directory. Throws MODULE_INVALID with the module's own error as its cause. */
export async function loadJobs(paths: readonly string[]): Promise<LoadedJobs> {
  const jobs = new Set<AnyJob>();
  const targets = new Set<TargetDefinition>();
  const alerts = new Set<AlertsDefinition>();
  const bridges = new Set<BridgeDefinition>();
  const demos: Demo[] = [];
  let tryIt: TryIt | undefined;
  for (const path of paths) {
    const exported = await load(path);
    const [found, remote] = [findDefinitions(exported), findTargets(exported)];
    const [alarms, lists] = [findAlerts(exported), findBridges(exported)];
    if (found.length + remote.length + alarms.length + lists.length === 0) {
      throw unstuckError(
        'MODULE_INVALID',
        `Expected ${path} to export definitions made with defineJob, defineTarget, defineAlerts or defineBridge, found ${Object.keys(exported).join(', ') || 'no exports'}.`,
      );
    }
    for (const job of found) jobs.add(job);
    for (const target of remote) targets.add(target);
    for (const alarm of alarms) alerts.add(alarm);
    for (const bridge of lists) bridges.add(bridge);
    tryIt ??= asTryIt(exported['tryIt']);
    if (typeof exported['demo'] === 'function') demos.push(exported['demo'] as Demo);
  }
  if (alerts.size > 1)
    throw unstuckError(
      'ALERTS_INVALID',
      `Expected one definition of alerts among the modules, found ${alerts.size}. Put all rules and channels into one defineAlerts.`,
    );
  return {
    jobs: [...jobs],
    targets: [...targets],
    alerts: [...alerts][0],
    bridges: [...bridges],
    tryIt,
    demos,
  };
}

async function load(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ERR_UNKNOWN_FILE_EXTENSION'
        ? `Node ${process.versions.node} does not run TypeScript; compile it, or use Node 22.18 or newer`
        : message;
    throw unstuckError('MODULE_INVALID', `The module ${path} could not be loaded: ${why}.`, {
      cause,
    });
  }
}

function asTryIt(value: unknown): TryIt | undefined {
  const given = value as Partial<TryIt> | null | undefined;
  return typeof given?.type === 'string' && 'input' in given ? (given as TryIt) : undefined;
}
