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
}

/** An assembler that was started. */
export interface AssemblerProcess {
  /** For example `http://127.0.0.1:8791`. */
  readonly url: string;
  /** Kills it, as a machine that fails would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again at the same address; nothing when it runs, or was stopped for good. */
  start(): Promise<void>;
  /** Stops it for good. */
  stop(): Promise<void>;
}

/** Starts an assembler; resolves when it listens. It ends with this process, however that ends. */
export async function startAssembler(settings: AssemblerSettings): Promise<AssemblerProcess> {
  let running: ChildProcess | undefined;
  let stopped = false;
  const start = async (port: number): Promise<number> => {
    running = spawnAssembler({ ...settings, port });
    return readyPort(running);
  };
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const child = running;
    running = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const port = await start(settings.port ?? 0);
  return {
    url: `http://127.0.0.1:${port}`,
    kill: () => end('SIGKILL'),
    start: async () => {
      if (running === undefined && !stopped) await start(port);
    },
    stop: () => {
      stopped = true;
      return end('SIGTERM');
    },
  };
}

function spawnAssembler({ directory, port }: AssemblerSettings): ChildProcess {
  return fork(fileURLToPath(new URL('./assembler.ts', import.meta.url)), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...process.env,
      ASSEMBLER_DIRECTORY: directory,
      ASSEMBLER_SECRET: assemblerSecret,
      ASSEMBLER_PORT: `${port}`,
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
