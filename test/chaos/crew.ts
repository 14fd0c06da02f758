// The worker processes of a chaos test, the history that they write, and how they are all ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type HistoryLine, readHistory } from './history.ts';
import type { Mutant } from './mutants.ts';
import type { WorkerArguments } from './worker-process.ts';

const SCRIPT = fileURLToPath(new URL('./worker-process.ts', import.meta.url));

/** How the workers of a crew run. */
export interface CrewOptions {
  readonly url: string;
  /** Handlers at once in each process. Default 10. */
  readonly concurrency?: number;
  readonly mutant?: Mutant;
  /** UNSTUCK_… variables: the options of each process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** One worker process. */
export class WorkerProcess {
  readonly child: ChildProcess;
  readonly name: string;
  #out = '';

  constructor(name: string, given: WorkerArguments, environment: NodeJS.ProcessEnv, log: number) {
    this.name = name;
    this.child = spawn(
      process.execPath,
      ['--conditions=unstuck-source', SCRIPT, JSON.stringify(given)],
      { env: environment, stdio: ['pipe', 'pipe', log] },
    );
    this.child.stdout?.on('data', (text) => {
      this.#out += String(text);
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get gone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves when it may claim; rejects when it has ended or does not start within 30 s. */
  async ready(): Promise<this> {
    for (let waited = 0; !this.#out.includes('ready'); waited += 20) {
      if (this.gone || waited > 30_000) throw new Error(`${this.name} did not start`);
      await pause(20);
    }
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.gone) this.child.kill(signal);
  }

  /** Resolves when the process has ended. */
  async kill9(): Promise<void> {
    this.signal('SIGKILL');
    if (!this.gone) await once(this.child, 'exit');
  }

  /** As an orchestrator ends a process: SIGTERM, and SIGKILL after 20 s. */
  async terminate(): Promise<void> {
    this.signal('SIGTERM');
    this.signal('SIGCONT');
    if (!this.gone) await Promise.race([once(this.child, 'exit'), pause(20_000)]);
    await this.kill9();
  }
}

/** Worker processes that write one history. */
export class Crew {
  readonly history: string;
  readonly workers: WorkerProcess[] = [];
  #directory: string;
  #options: CrewOptions;
  #log: number;
  #count = 0;

  private constructor(directory: string, options: CrewOptions) {
    this.#directory = directory;
    this.#options = options;
    this.history = join(directory, 'history.jsonl');
    writeFileSync(this.history, '');
    this.#log = openSync(join(directory, 'workers.log'), 'a');
  }

  /** Starts so many workers and waits until all may claim. */
  static async start(count: number, options: CrewOptions): Promise<Crew> {
    const crew = new Crew(await mkdtemp(join(tmpdir(), 'unstuck-chaos-')), options);
    try {
      await Promise.all(Array.from({ length: count }, () => crew.add()));
    } catch (error) {
      process.stderr.write(crew.log());
      await crew.end();
      throw error;
    }
    return crew;
  }

  /** Starts one more worker and waits until it may claim. */
  add(): Promise<WorkerProcess> {
    this.#count += 1;
    const { url, concurrency = 10, mutant, environment = {} } = this.#options;
    const name = `worker-${this.#count}`;
    const worker = new WorkerProcess(
      name,
      { url, concurrency, mutant, name, history: this.history },
      { ...process.env, UNSTUCK_LOG_LEVEL: 'debug', ...environment },
      this.#log,
    );
    this.workers.push(worker);
    return worker.ready();
  }

  /** The workers whose processes have not ended. */
  get alive(): WorkerProcess[] {
    return this.workers.filter((worker) => !worker.gone);
  }

  withPid(pid: number): WorkerProcess {
    const worker = this.workers.find((one) => one.pid === pid);
    if (worker === undefined) throw new Error(`No worker has the process id ${pid}.`);
    return worker;
  }

  lines(): HistoryLine[] {
    return readHistory(this.history);
  }

  /** What the workers logged. */
  log(): string {
    return readFileSync(join(this.#directory, 'workers.log'), 'utf8');
  }

  /** Resolves with the first line of the history that fits; rejects after `withinMs` (default 30 s). */
  async line(fits: (line: HistoryLine) => boolean, withinMs = 30_000): Promise<HistoryLine> {
    const until = performance.now() + withinMs;
    for (;;) {
      const found = this.lines().find(fits);
      if (found !== undefined) return found;
      if (performance.now() > until)
        throw new Error(
          `Nothing like it happened within ${withinMs} ms.\n${this.log().slice(-4_000)}`,
        );
      await pause(10);
    }
  }

  /** Lets every worker drain and end. */
  async drain(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  /** Kills what is left and removes the files. */
  async end(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill9()));
    closeSync(this.#log);
    await rm(this.#directory, { recursive: true, force: true });
  }
}
