/** Heart: beats outwards while all is well, once for all processes, so that somebody outside notices when nobody here can tell any more. */
import type { Beat } from '../../domain/define-alerts.ts';
import type { Log } from '../../domain/log.ts';
import { countStuck } from '../../engine/status.ts';
import { readTroubles } from '../../sql/alert-rules.ts';
import { hastenTick, takeAlertTick } from '../../sql/alerts.ts';
import type { HttpCaller } from '../../std/http-call.ts';
import type { Database } from '../../storage/database.ts';

const BEAT_TICK = 'beat';
/** A beat that was withheld, or failed, is due again so soon. */
const AGAIN_MS = 10_000;
const LOOK_MAX_MS = 15_000;
/** The detectors must have ended a good round within this; a message must have left within that. */
const DETECTORS_MS = 60_000;
const MESSAGES_MS = 600_000;
const CALL = { connectMs: 5_000, totalMs: 10_000, bytesMax: 100_000 };

/** Beats for this process. */
export class Heart {
  #database: Database;
  #beat: Beat;
  #caller: HttpCaller;
  #log: Log;
  #withheld = '';

  constructor(database: Database, beat: Beat, caller: HttpCaller, log: Log) {
    this.#database = database;
    this.#beat = beat;
    this.#caller = caller;
    this.#log = log;
  }

  /** Beats when it is time and all is well; returns the milliseconds until the next look. */
  async round(signal: AbortSignal): Promise<number> {
    const { everyMs } = this.#beat;
    const [taken] = await this.#database.run(takeAlertTick, [BEAT_TICK, everyMs]);
    if (taken === undefined) return Math.min(everyMs / 4, LOOK_MAX_MS);
    const beaten = await this.#try(signal).catch((error: unknown) => {
      this.#log.warn('beat_failed', { error });
      return false;
    });
    if (!beaten) await this.#database.run(hastenTick, [BEAT_TICK, AGAIN_MS]);
    return Math.min(beaten ? everyMs / 4 : AGAIN_MS, LOOK_MAX_MS);
  }

  async #try(signal: AbortSignal): Promise<boolean> {
    const troubles = await this.#troubles();
    const reasons = troubles.join('; ');
    if (reasons !== this.#withheld) {
      if (reasons === '') this.#log.info('beat_resumed');
      else this.#log.warn('beat_withheld', { reasons });
    }
    this.#withheld = reasons;
    if (troubles.length > 0) return false;
    const { url, method } = this.#beat;
    const answer = await this.#caller.call({ url, method, signal, ...CALL });
    if (answer.kind === 'answer' && answer.status >= 200 && answer.status < 300) return true;
    const reason = answer.kind === 'answer' ? `it answered ${answer.status}` : answer.message;
    this.#log.warn('beat_failed', { reason });
    return false;
  }

  async #troubles(): Promise<readonly string[]> {
    const rows = await this.#database.run(readTroubles, [DETECTORS_MS, MESSAGES_MS]);
    const stuck = [...(await countStuck(this.#database))].map(
      ([type, count]) => `${count} jobs of ${type} are stuck`,
    );
    return [...rows.map(({ trouble }) => trouble), ...stuck];
  }
}
