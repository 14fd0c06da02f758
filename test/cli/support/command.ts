// Runs the command as a process of its own, as a person or a system would.
import { type ChildProcess, spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';

/** How a command ended. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Everything that it has written so far, both streams. */
  output(): string;
  /** Resolves with the match when the pattern has appeared `times` times; fails after a minute. */
  says(pattern: RegExp, times?: number): Promise<RegExpMatchArray>;
}

/** What a command sees of its surroundings. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

const MAIN = 'src/cli/main.ts';
/** Generous: two processes start one after the other, and the machine may be busy with other tests. */
const SAYS_MS = 60_000;

/** Runs a command to its end. */
export async function run(args: readonly string[], given: Surroundings = {}): Promise<Ended> {
  const running = start(args, given);
  running.child.stdin?.end(given.stdin ?? '');
  return running.ended;
}

/** Starts a command; whatever of it still runs when the test ends is killed, its process group included. */
export function start(args: readonly string[], { env = {} }: Surroundings = {}): Running {
  const child = spawn(process.execPath, ['--conditions=unstuck-source', MAIN, ...args], {
    env: { ...cleanEnvironment(), ...env },
    detached: true,
  });
  onTestFinished(() => killGroup(child));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const output = (): string => stdout + stderr;
  return { child, ended, output, says: (pattern, times = 1) => says(output, pattern, times) };
}

/** Resolves when the condition holds; fails with what it was after a minute. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
): Promise<void> {
  const deadline = Date.now() + SAYS_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Expected ${what} within ${SAYS_MS} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Whether a process with this number runs (zombies do not). */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function says(
  output: () => string,
  pattern: RegExp,
  times: number,
): Promise<RegExpMatchArray> {
  const all = new RegExp(pattern.source, `${pattern.flags.replace('g', '')}g`);
  try {
    await until(String(pattern), () => [...output().matchAll(all)].length >= times);
  } catch (cause) {
    throw new Error(`It never said ${String(pattern)}, only:\n${output()}`, { cause });
  }
  return [...output().matchAll(all)][times - 1] as RegExpMatchArray;
}

/** Without the addresses, colours and widths of whoever runs the tests. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const names = /^(?:UNSTUCK_|DATABASE_URL$|NO_COLOR$|FORCE_COLOR$|COLUMNS$|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.test(name)));
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended.
  }
}
