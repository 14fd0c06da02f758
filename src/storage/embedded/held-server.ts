/** The handle of a running server: a hold on it, and a watch that starts it again when it dies. */
import type { Log } from '../../domain/log.ts';
import { after, type Timer } from '../../std/timer.ts';
import { type BringUp, type BroughtUp, bringUp } from './bring-up.ts';
import { DATABASE } from './cluster.ts';
import { databaseUrl } from './database.ts';
import type { EmbeddedPostgres, KillMode, StopMode } from './embedded-postgres.ts';
import { failure } from './failure.ts';
import { processExists, serverRuns, serverState } from './server-process.ts';
import { endServer, type Step, stopServer } from './stop-server.ts';

const WATCH_MS = 1_000;

interface Extras {
  readonly password: string;
  readonly log: Log;
  readonly revive: boolean;
}

/** Holds a server that was brought up until `stop`. */
export class HeldServer implements EmbeddedPostgres {
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly adopted: boolean;
  readonly #given: BringUp;
  readonly #log: Log;
  readonly #revive: boolean;
  #pid: number;
  /** Down because `kill` said so. */
  #killed = false;
  #watch: Timer | undefined;
  #stopping: Promise<void> | undefined;
  /** The end of the last change: one at a time, else a revival and a stop could cross. */
  #last: Promise<void> = Promise.resolve();

  constructor(given: BringUp, up: BroughtUp, { password, log, revive }: Extras) {
    this.port = up.port;
    this.url = databaseUrl(up.port, password, DATABASE);
    this.directory = given.place.directory;
    this.dataDirectory = given.place.dataDirectory;
    this.logFile = given.place.logFile;
    this.adopted = !up.started;
    this.#given = given;
    this.#pid = up.pid;
    this.#log = log;
    this.#revive = revive;
    this.#watchNext();
  }

  get postmasterPid(): number | undefined {
    return serverRuns(this.dataDirectory, this.#pid) ? this.#pid : undefined;
  }

  stop(mode: StopMode = 'fast'): Promise<void> {
    this.#stopping ??= this.#inTurn(async () => {
      const shared = await stopServer(this.#given.place, this.#given.owner, mode);
      this.#log.info(shared ? 'embedded_left' : 'embedded_stopped', { data: this.dataDirectory });
    });
    return this.#stopping;
  }

  kill(how: KillMode = 'immediate'): Promise<void> {
    return this.#inTurn(async () => {
      this.#killed = true;
      await this.#end(how === 'sigkill' ? ['SIGKILL'] : ['SIGQUIT', 'SIGKILL']);
    });
  }

  restart(): Promise<void> {
    if (this.#stopping !== undefined) {
      throw failure(
        `The server of ${this.dataDirectory} was stopped. Start it with startEmbedded.`,
      );
    }
    return this.#inTurn(async () => {
      await this.#end(['SIGINT', 'SIGQUIT', 'SIGKILL']);
      await this.#bringUp('embedded_restarted');
      this.#killed = false;
    });
  }

  async #end(steps: readonly Step[]): Promise<void> {
    const running = serverState(this.dataDirectory);
    if (running !== undefined) await endServer(this.dataDirectory, running.pid, steps);
  }

  /** Runs one change after the one before it, whose outcome its own caller hears; the watch rests meanwhile. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(() => {
      this.#watch?.clear();
      return change();
    });
    this.#last = turn.catch(() => {}).finally(() => this.#watchNext());
    return turn;
  }

  #watchNext(): void {
    this.#watch?.clear();
    if (!this.#revive || this.#killed || this.#stopping !== undefined) return;
    this.#watch = after(WATCH_MS, () => {
      this.#last = this.#last.then(() => this.#look()).finally(() => this.#watchNext());
    });
  }

  async #look(): Promise<void> {
    if (this.#stopping !== undefined || this.#killed || processExists(this.#pid)) return;
    try {
      await this.#bringUp('embedded_revived');
    } catch (error) {
      this.#log.error('embedded_down', { error, log: this.logFile });
    }
  }

  async #bringUp(event: string): Promise<void> {
    const { pid, port } = await bringUp(this.#given);
    this.#pid = pid;
    this.#log.warn(event, { pid, port });
  }
}
