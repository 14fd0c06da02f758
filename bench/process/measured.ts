/** The parent's side of a measured process: forks it, asks it, kills it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { atEnd } from '../core/cleanup.ts';
import { makeDirectory, removeDirectory } from '../servers/temporary-directory.ts';
import type { Config } from '../systems/configs.ts';
import type { Asked, Question, Questions, Told } from './messages.ts';

const ANSWER_MS_MAX = 15 * 60_000;
const PROGRAM = new URL('./measured-process.ts', import.meta.url);

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One process that enqueues or works. */
export class Measured {
  /** Called when the worker's count of handled jobs changed. */
  onHandled: (handled: number) => void = () => undefined;
  /** Called when a job that hangs has started. */
  onStarted: (startedAt: number) => void = () => undefined;
  #child: ChildProcess;
  #pending = new Map<number, Pending>();
  #asked = 0;
  #forget: () => Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#forget = atEnd(() => child.kill('SIGKILL'));
    child.on('message', (told: Told) => this.#hear(told));
    child.once('exit', (code, signal) =>
      this.#failAll(new Error(`A measured process ended (${signal ?? code}).`)),
    );
  }

  /** Forks a process and resolves when its modules are loaded. */
  static async fork(config: Config, url: string): Promise<Measured> {
    const child = fork(PROGRAM, [config.system, config.name, url], {
      execArgv: process.execArgv,
      env: { ...process.env, ...(await compileCache()) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const measured = new Measured(child);
    const ended = once(child, 'exit').then(() => {
      throw new Error(`The process of ${config.system} ${config.name} did not start.`);
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => undefined);
    return measured;
  }

  /** Asks, and resolves with the answer; rejects with the error of the process, or when it ends. */
  async ask<Q extends Question>(
    question: Q,
    ask: Questions[Q]['ask'],
  ): Promise<Questions[Q]['answer']> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#asked += 1;
    const id = this.#asked;
    this.#pending.set(id, { resolve, reject });
    const timer = setTimeout(
      () => reject(new Error(`No answer to ${question} in ${ANSWER_MS_MAX / 60_000} minutes.`)),
      ANSWER_MS_MAX,
    );
    const message: Asked = { id, question, ask };
    this.#child.send(message);
    try {
      return (await promise) as Questions[Q]['answer'];
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** Kills the process, as the kernel would when memory runs out. */
  async kill(): Promise<void> {
    await this.#forget();
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      await once(this.#child, 'exit');
  }

  #hear(told: Told): void {
    if ('handled' in told) this.onHandled(told.handled);
    else if ('startedAt' in told) this.onStarted(told.startedAt);
    else if ('id' in told) {
      const pending = this.#pending.get(told.id);
      if (told.error === undefined) pending?.resolve(told.answer);
      else pending?.reject(new Error(told.error));
    }
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
  }
}

let cache: Promise<string> | undefined;

/**
 * Stripping the types of the adapters costs 17 MB that no user of a queue pays: with a compile cache only the first
 * process of a configuration does it, the one that prepares the database.
 */
async function compileCache(): Promise<NodeJS.ProcessEnv> {
  cache ??= makeDirectory().then((directory) => {
    atEnd(() => removeDirectory(directory));
    return directory;
  });
  return { NODE_COMPILE_CACHE: await cache };
}
