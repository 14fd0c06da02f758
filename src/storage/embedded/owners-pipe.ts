/** The named pipe `owners` of a place: who holds the server has it open for writing. */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, lstatSync, openSync, readSync, rmSync } from 'node:fs';
import { failure, systemCode } from './failure.ts';

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** Makes the pipe unless it is there. */
export function makePipe(file: string): void {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found?.isFIFO() === true) return;
  // A copied directory may hold a plain file of that name.
  if (found !== undefined) rmSync(file);
  const { error, stderr } = spawnSync('mkfifo', ['-m', '600', file], { encoding: 'utf8' });
  // Another process may have made it since we looked, so it counts that it is there.
  if (lstatSync(file, { throwIfNoEntry: false })?.isFIFO() === true) return;
  throw failure(
    `Expected to make the named pipe ${file}, got: ${error?.message ?? stderr.trim()}. Choose a directory on a local disk with UNSTUCK_DIRECTORY, or set UNSTUCK_DATABASE_URL.`,
  );
}

/** Opens one end without waiting for the other one. The caller closes it. */
export function openPipe(file: string, end: 'read' | 'write'): number {
  // With the other end closed, opening to write would fail and opening to read would wait; read-and-write never does.
  const both = openSync(file, O_RDWR | O_NONBLOCK);
  try {
    return openSync(file, end === 'read' ? O_RDONLY : O_WRONLY | O_NONBLOCK);
  } finally {
    closeSync(both);
  }
}

/**
 * Whether any process has the pipe open for writing: one without writers reads as ended, one with writers as empty.
 * What is read here by chance was sent to the keeper; its sender repeats it.
 */
export function hasWriters(file: string): boolean {
  const pipe = openSync(file, O_RDONLY | O_NONBLOCK);
  try {
    return readSync(pipe, Buffer.alloc(4_096)) > 0;
  } catch (error) {
    if (systemCode(error) === 'EAGAIN') return true;
    throw error;
  } finally {
    closeSync(pipe);
  }
}
