#!/usr/bin/env node
/** The command `unstuck`: runs it and ends the process with its exit code. */
import { runCommand } from './program.ts';

// A reader that goes away (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const code = await runCommand(process.argv.slice(2));
// Handlers that never return, timers of users' modules and the like must not keep the process; what was written goes out first.
process.stdout.write('', () => process.exit(code));
