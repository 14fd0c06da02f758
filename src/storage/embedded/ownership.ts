/** This process's hold on a server; the keeper stops the server when the last hold is gone. */
import { randomBytes } from 'node:crypto';
import { closeSync, writeSync } from 'node:fs';
import { monotonicMs, sleep } from '../../std/timer.ts';
import { systemCode } from './failure.ts';
import { guardServer, isBeingStopped, isConfirmed } from './keeper.ts';
import { hasWriters, makePipe, openPipe } from './owners-pipe.ts';
import type { Place } from './place.ts';

const CONFIRM_MS = 1_000;
const REPEAT_MS = 100;
const LOOK_MS = 5;

/** A hold on the server of one place, from the moment it is made until `leave` or the end of the process. */
export class Ownership {
  readonly #place: Place;
  readonly #token: string = `${process.pid}-${randomBytes(6).toString('hex')}`;
  #pipe: number | undefined;

  constructor(place: Place) {
    this.#place = place;
    makePipe(place.ownersFile);
    this.#pipe = openPipe(place.ownersFile, 'write');
  }

  /**
   * Resolves to true once the keeper of the server `pid` counts us, to false when the server is being stopped. A server
   * whose keeper was killed gets a new one.
   */
  async join(pid: number): Promise<boolean> {
    if (await this.#confirmed(pid)) return true;
    if (isBeingStopped(this.#place, pid)) return false;
    guardServer(this.#place, pid);
    return await this.#confirmed(pid);
  }

  /** Lets go. Repeatable. */
  leave(): void {
    if (this.#pipe !== undefined) closeSync(this.#pipe);
    this.#pipe = undefined;
  }

  /** Whether any process, this one included, holds the server. */
  anybodyHolds(): boolean {
    return hasWriters(this.#place.ownersFile);
  }

  async #confirmed(pid: number): Promise<boolean> {
    const deadline = monotonicMs() + CONFIRM_MS;
    let sentAt = Number.NEGATIVE_INFINITY;
    while (monotonicMs() < deadline) {
      if (monotonicMs() - sentAt >= REPEAT_MS) {
        if (!this.#send()) return false;
        sentAt = monotonicMs();
      }
      if (isConfirmed(this.#place, this.#token, pid)) return true;
      await sleep(LOOK_MS);
    }
    return false;
  }

  /** False when no keeper reads. The leading line end closes what another's look may have left of a line. */
  #send(): boolean {
    if (this.#pipe === undefined) return false;
    try {
      writeSync(this.#pipe, `\n${this.#token}\n`);
      return true;
    } catch (error) {
      if (systemCode(error) === 'EAGAIN') return true;
      if (systemCode(error) === 'EPIPE') return false;
      throw error;
    }
  }
}
