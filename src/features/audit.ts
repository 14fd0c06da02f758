/** Audit: who did what to many jobs, and why; for as long as failed jobs are kept. */
import { type Page, parsePage } from '../domain/job-filter.ts';
import { type AuditPage, readAudit } from '../storage/audit.ts';
import type { Database } from '../storage/database.ts';

/** The record of what people did to many jobs at once. What was done to one job is in its own history. */
export class Audit {
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Returns one page of entries, newest first. Throws REQUEST_INVALID for a limit outside 1 to 1000, and JOB_ID_INVALID. */
  async list(page: Page = {}): Promise<AuditPage> {
    return readAudit(this.#database, parsePage(page));
  }
}
