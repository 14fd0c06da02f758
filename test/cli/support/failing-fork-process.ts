// Preloaded into a supervisor: its second fork fails without an exit, the third throws, and the others are well.
import childProcess, { type ChildProcess, type ForkOptions } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

const { fork } = childProcess;
let forks = 0;

childProcess.fork = (
  program: string | URL,
  args?: readonly string[] | ForkOptions,
): ChildProcess => {
  forks += 1;
  if (forks === 3) throw new Error('spawn ENOMEM');
  const options = forks === 2 ? { execPath: '/nowhere/node' } : {};
  return fork(program, args as readonly string[], options);
};
syncBuiltinESMExports();
