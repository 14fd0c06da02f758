/** Findings: says of every group of late jobs why, who is to act, and when it is looked at again. */
import { explain } from '../domain/explain.ts';
import type { Log } from '../domain/log.ts';
import {
  findLateGroups,
  storeFindings,
  takeFindingsTick,
  type Walk,
  whereWalkIs,
} from '../sql/findings.ts';
import type { Database } from '../storage/database.ts';
import { overdueGraceMs } from './sweep-tasks.ts';

/** How often the findings of an installation are made anew. */
export const FINDINGS_EVERY_MS = 2_000;

/** A finding is current until this long after it was made; it is renewed long before. */
const LOOK_MS = 30_000;

/** The rounds of findings of one process. */
export class FindingRounds {
  #database: Database;
  #log: Log;
  /** Whether its latest round ended well: the next one says so, for those who watch that somebody looks (O6). */
  #ended = false;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /** Looks at every group of late jobs, and stores one finding for each, when the tick says that it is time; new ones are logged once. */
  async next(): Promise<void> {
    const [walk] = await this.#database.run(takeFindingsTick, [FINDINGS_EVERY_MS, this.#ended]);
    if (walk === undefined) return;
    this.#ended = false;
    await refresh(this.#database, this.#log, walk);
    this.#ended = true;
  }
}

/** Does such a round at once; returns how many findings there are. */
export async function refreshFindings(database: Database, log: Log): Promise<number> {
  const [walk] = await database.run(whereWalkIs, [FINDINGS_EVERY_MS]);
  return refresh(database, log, walk as Walk);
}

async function refresh(database: Database, log: Log, walk: Walk): Promise<number> {
  const passMs = Number(walk.pass_ms);
  const pages = [walk.from_page, walk.to_page];
  const groups = await database.run(findLateGroups, [overdueGraceMs(database.config), ...pages]);
  if (groups.length === 0 && !walk.findings) return 0;
  const findings = groups.map((group) => ({
    ...explain(group),
    kind: group.kind,
    subject: group.subject,
    count: group.count,
    oldest: group.oldest,
    look_ms: LOOK_MS + passMs,
  }));
  const stored = await database.run(storeFindings, [JSON.stringify(findings), passMs]);
  for (const { fresh, kind, subject, reason } of stored)
    if (fresh) log.warn('finding', { kind, subject, reason });
  return stored.length;
}
