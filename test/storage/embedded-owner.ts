// Drives a process that holds an embedded server: starts it, hears its events, ends it by real signals.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./embedded-owner-process.ts', import.meta.url));

/** What the process tells when it holds the server. */
export interface Started {
  readonly pid: number;
  readonly url: string;
  readonly adopted: boolean;
}

/** A process that holds, or is about to hold, the embedded server of a directory. */
export class Owner {
  readonly child: ChildProcess;
  readonly #events: AsyncIterator<string>;
  #errors = '';

  constructor(directory: string) {
    // A process group of its own, like a terminal's job, so that Ctrl-C can be sent to all of it.
    this.child = spawn(process.execPath, [SCRIPT, directory], { detached: true });
    const { stdout, stderr } = this.child;
    if (stdout === null || stderr === null) throw new Error('no pipes');
    stderr.on('data', (text) => {
      this.#errors += String(text);
    });
    this.#events = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Resolves when it holds the server. */
  started(): Promise<Started> {
    return this.event('started') as Promise<Started>;
  }

  async event(name: string): Promise<unknown> {
    const { value, done } = await this.#events.next();
    if (done === true) throw new Error(`The process ended before "${name}": ${this.#errors}`);
    const event = JSON.parse(value);
    if (event.event !== name) throw new Error(`Expected "${name}", got ${value}`);
    return event;
  }

  /** As at the end of a program; resolves when the process has ended. */
  async leave(): Promise<void> {
    this.child.stdin?.write('stop\n');
    await this.event('left');
    await this.#exit();
  }

  /** As Ctrl-C in a terminal: the signal goes to every process of the group. */
  pressControlC(): void {
    process.kill(-(this.child.pid ?? 0), 'SIGINT');
  }

  /** Resolves when the process has ended. */
  async kill9(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#exit();
  }

  async #exit(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null)
      await once(this.child, 'exit');
  }
}
