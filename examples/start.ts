// `npm start`: what runs beside the examples' workers, and then `unstuck start` on all examples, with the options that are given.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBeside } from './episodes/beside.ts';
import { freePort } from './free-port.ts';

const PORT = 8790;
const ASSEMBLER_PORT = 8791;

const [node = '', , ...options] = process.argv;
const { env } = process;
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const directory = resolve(env['UNSTUCK_DIRECTORY'] ?? '.unstuck', 'assembler');
const assembler = await startBeside(directory, await freePort(ASSEMBLER_PORT));
Object.assign(env, assembler.env);
// The assembler is the only address of this machine that may be called, and it may call back.
env['UNSTUCK_PRIVATE_ADDRESSES'] ??= '127.0.0.1';
if (!options.includes('--port') && !options.includes('--host')) {
  env['UNSTUCK_PORT'] ??= `${await freePort(PORT)}`;
  env['UNSTUCK_PUBLIC_URL'] ??= `http://127.0.0.1:${env['UNSTUCK_PORT']}`;
}
const command = pathOf('../src/cli/main.ts');
process.argv = [node, command, 'start', pathOf('./index.ts'), ...options];
// It ends the process when it is done, and with it the assembler.
await import(command);
