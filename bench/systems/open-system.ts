/** Loads the adapter of one configuration: only in the process that uses it, so that no other carries its memory. */
import type { System } from '../core/system.ts';
import type { Config } from './configs.ts';

/** Returns the system of a configuration, bound to a server. */
export async function openSystem(config: Config, url: string): Promise<System> {
  switch (config.system) {
    case 'unstuck':
      return (await import('./unstuck.ts')).openUnstuck({ url, settings: config.settings });
    case 'raw':
      return (await import('./raw.ts')).openRaw({ url, settings: config.settings });
    case 'graphile':
      return (await import('./graphile.ts')).openGraphile({ url, settings: config.settings });
    case 'pgboss':
      return (await import('./pg-boss.ts')).openBoss({ url, settings: config.settings });
    case 'bullmq':
      return (await import('./bullmq.ts')).openBull({ url, settings: config.settings });
  }
}
