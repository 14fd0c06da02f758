// The assembler as a child process, which can be killed and started again at the same address.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { assemblerSecret } from './assembler-target.ts';

/** How it is started. */
export interface AssemblerSettings {
  /** Where it keeps its orders and files. */
  readonly directory: string;
  /** 0 (the default) for any free one. */
  readonly port?: number;
  /** So many milliseconds after it died it is started again, and it obeys orders that take it down. Default: it stays away until somebody starts it. */
  readonly reviveMs?: number;
}

/** Starts an assembler; resolves when it listens. It ends with this process, however that ends. */
export async function startAssembler(settings: AssemblerSettings): Promise<AssemblerProcess> {
  const assembler = new AssemblerProcess(settings);
  await assembler.start();
  return assembler;
}

/** An assembler that was started. */
export class AssemblerProcess {
  readonly #settings: AssemblerSettings;
  #port: number;
  #running: ChildProcess | undefined;
  #stopped = false;

  constructor(settings: AssemblerSettings) {
    this.#settings = settings;
    this.#port = settings.port ?? 0;
  }

  /** For example `http://127.0.0.1:8791`. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it, after the first time at the same address; nothing when it runs, or was stopped for good. */
  async start(): Promise<void> {
    if (this.#running !== undefined || this.#stopped) return;
    const child = spawnAssembler(this.#settings, this.#port);
    this.#running = child;
    child.once('exit', () => this.#ended());
    this.#port = await readyPort(child);
  }

  /** Kills it, as a machine that fails would; resolves when it is gone. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Stops it for good. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#end('SIGTERM');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#running;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  #ended(): void {
    this.#running = undefined;
    const { reviveMs } = this.#settings;
    if (reviveMs === undefined) return;
    setTimeout(() => void this.start().catch(() => undefined), reviveMs).unref();
  }
}

function spawnAssembler({ directory, reviveMs }: AssemblerSettings, port: number): ChildProcess {
  return fork(fileURLToPath(new URL('./assembler.ts', import.meta.url)), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...process.env,
      ASSEMBLER_DIRECTORY: directory,
      ASSEMBLER_SECRET: assemblerSecret,
      ASSEMBLER_PORT: `${port}`,
      ASSEMBLER_CRASHES: reviveMs === undefined ? '0' : '1',
    },
  });
}

function readyPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve((message as { ready: number }).ready));
    child.once('exit', (code, signal) =>
      reject(new Error(`Expected the assembler to listen, got its end (${code ?? signal}).`)),
    );
  });
}
