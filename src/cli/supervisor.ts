/** Supervisor: a small process that starts the one that works, starts it again when it dies, and replaces it when it asks. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Log } from '../domain/log.ts';
import { parseConfig } from '../domain/options.ts';
import { deferred } from '../std/deferred.ts';
import { monotonicMs } from '../std/timer.ts';
import { EXIT } from './exit-codes.ts';
import { HALT_MS, onStopSignals, stopWithinMs } from './stop-request.ts';
import type { FromSupervised, ToSupervised } from './supervisor-messages.ts';

/** How one process takes the place of another. */
export interface SupervisorOptions {
  /** True: the old one stops when the new one works. False: it stops first, because both would need the same port. */
  readonly overlap: boolean;
  readonly log: Log;
}

const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 30_000;
/** One that lived so long is no longer failing to start. */
const SETTLED_MS = 60_000;

/**
 * Runs this very command in a child process until told to stop, and resolves with the exit code: that of the child that was asked to
 * stop; that of a first child which ended before it worked (a wrong option, a module that cannot be loaded); 130 after a second signal.
 */
export function supervise(options: SupervisorOptions): Promise<number> {
  const config = parseConfig({}, process.env);
  const supervisor = new Supervisor(options, stopWithinMs(config));
  onStopSignals(
    (signal) => supervisor.stop(signal),
    () => supervisor.halt(),
  );
  supervisor.start();
  return supervisor.ended;
}

class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #stopMs: number;
  readonly #log: Log;
  readonly #end = deferred<number>();
  /** The one that works, or shall. */
  #current: ChildProcess | undefined;
  #startedAt = 0;
  /** Those that stop, or will when the current one works. */
  readonly #retired = new Set<ChildProcess>();
  #everReady = false;
  #stopping = false;
  #pauseMs = RESTART_FIRST_MS;
  #timer: NodeJS.Timeout | undefined;
  #exitCode: number = EXIT.ok;

  constructor(options: SupervisorOptions, stopMs: number) {
    this.#options = options;
    this.#stopMs = stopMs;
    this.#log = options.log;
  }

  get ended(): Promise<number> {
    return this.#end.promise;
  }

  start(): void {
    this.#startedAt = monotonicMs();
    try {
      this.#current = this.#fork();
    } catch (error) {
      // Out of memory, or of file descriptors: that passes.
      this.#log.error('process_failed', { error });
      this.#startAgain(undefined, null, null);
    }
  }

  #fork(): ChildProcess {
    const [, program = '', ...args] = process.argv;
    const child = fork(program, [...args, '--supervised']);
    child.on('message', (message: FromSupervised) => this.#heard(child, message));
    child.on('error', (error) => this.#failed(child, error));
    child.once('exit', (code, signal) => this.#exited(child, code, signal));
    return child;
  }

  /** A child that could not be started has no process id, and no exit follows. */
  #failed(child: ChildProcess, error: Error): void {
    this.#log.error('process_failed', { pid: child.pid, error });
    if (child.pid === undefined) this.#exited(child, null, null);
  }

  stop(signal: string): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const children = this.#children();
    this.#log.debug('supervisor_stopping', { signal, processes: children.length });
    for (const child of children) tell(child);
    if (children.length === 0) this.#end.resolve(EXIT.ok);
    else setTimeout(() => this.kill(EXIT.failed), this.#stopMs).unref();
  }

  /** Ends all as soon as they have given their jobs back. */
  halt(): void {
    this.#exitCode = EXIT.interrupted;
    for (const child of this.#children()) tell(child, 'halt');
    setTimeout(() => this.kill(EXIT.interrupted), HALT_MS + 500).unref();
  }

  /** Ends all at once: their jobs run again elsewhere. */
  kill(exitCode: number): void {
    for (const child of this.#children()) child.kill('SIGKILL');
    this.#end.resolve(exitCode);
  }

  #children(): ChildProcess[] {
    return [...this.#retired, ...(this.#current === undefined ? [] : [this.#current])];
  }

  #heard(child: ChildProcess, { kind }: FromSupervised): void {
    if (child !== this.#current) return;
    if (kind === 'ready') {
      this.#everReady = true;
      for (const old of this.#retired) this.#retire(old);
    } else if (!this.#stopping) this.#replace(child);
  }

  #replace(child: ChildProcess): void {
    this.#log.warn('process_replaced', { pid: child.pid, why: 'handlers that never returned' });
    this.#retired.add(child);
    this.#current = undefined;
    if (this.#options.overlap) this.start();
    else this.#retire(child);
  }

  /** One that does not stop in time is ended: it would keep its lease, and its handlers, for ever. */
  #retire(child: ChildProcess): void {
    tell(child);
    setTimeout(() => child.kill('SIGKILL'), this.#stopMs).unref();
  }

  #exited(child: ChildProcess, code: number | null, signal: string | null): void {
    const retired = this.#retired.delete(child);
    if (child === this.#current) this.#current = undefined;
    if (this.#stopping) {
      this.#exitCode = Math.max(this.#exitCode, code ?? EXIT.failed);
      if (this.#children().length === 0) this.#end.resolve(this.#exitCode);
    } else if (retired) {
      if (this.#current === undefined && this.#timer === undefined) this.start();
    } else if (!this.#everReady && code !== null) this.#end.resolve(code);
    else this.#startAgain(child.pid, code, signal);
  }

  #startAgain(pid: number | undefined, code: number | null, signal: string | null): void {
    if (monotonicMs() - this.#startedAt > SETTLED_MS) this.#pauseMs = RESTART_FIRST_MS;
    const again_in_ms = this.#pauseMs;
    this.#log.error('process_died', { pid, code, signal, again_in_ms });
    this.#pauseMs = Math.min(RESTART_MAX_MS, 2 * this.#pauseMs);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.start();
    }, again_in_ms);
  }
}

/** A child whose channel is closed has heard of our end already, or is ending. */
function tell(child: ChildProcess, kind: ToSupervised['kind'] = 'stop'): void {
  if (child.connected) child.send({ kind } satisfies ToSupervised, () => undefined);
}
