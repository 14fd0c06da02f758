/** The migrations in order: numbered, append-only, forward. */
import type { Names, Sql } from '../sql.ts';
import { jobs } from './001-jobs.ts';
import { fleet } from './002-fleet.ts';
import { plainSql } from './003-plain-sql.ts';
import { pulse } from './004-pulse.ts';
import { links } from './005-links.ts';
import { admission } from './006-admission.ts';
import { lettingOn } from './007-letting-on.ts';
import { audit } from './008-audit.ts';
import { schedules } from './009-schedules.ts';
import { tokens } from './010-tokens.ts';
import { requests } from './011-requests.ts';
import { pull } from './012-pull.ts';
import { targets } from './013-targets.ts';
import { deliveries } from './014-deliveries.ts';
import { alerts } from './015-alerts.ts';
import { bridges } from './016-bridges.ts';

/** One numbered change of the schema. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  /** The oldest schema number that a process must know to work on a schema with this migration. */
  readonly needs: number;
  build(names: Names): readonly Sql[];
}

/** Every migration, oldest first. A released one is never changed. */
export const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'jobs', needs: 1, build: jobs },
  { number: 2, name: 'fleet', needs: 1, build: fleet },
  { number: 3, name: 'plain-sql', needs: 3, build: plainSql },
  { number: 4, name: 'pulse', needs: 3, build: pulse },
  { number: 5, name: 'links', needs: 5, build: links },
  { number: 6, name: 'admission', needs: 6, build: admission },
  { number: 7, name: 'letting-on', needs: 7, build: lettingOn },
  { number: 8, name: 'audit', needs: 7, build: audit },
  { number: 9, name: 'schedules', needs: 7, build: schedules },
  { number: 10, name: 'tokens', needs: 7, build: tokens },
  { number: 11, name: 'requests', needs: 7, build: requests },
  { number: 12, name: 'pull', needs: 7, build: pull },
  { number: 13, name: 'targets', needs: 13, build: targets },
  { number: 14, name: 'deliveries', needs: 14, build: deliveries },
  { number: 15, name: 'alerts', needs: 14, build: alerts },
  { number: 16, name: 'bridges', needs: 7, build: bridges },
];

/** The number of the newest migration that this version knows. */
export const SCHEMA_NUMBER: number = MIGRATIONS.at(-1)?.number ?? 0;
