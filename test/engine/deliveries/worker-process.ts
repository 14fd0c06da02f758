// A process to be killed: node worker-process.ts '{"url":…,"sweep":…}'. It works on jobs of the type `told`, and sends deliveries when it sweeps.
import { defineJob, Unstuck } from '../../../src/index.ts';
import { anything } from '../../support/unstuck.ts';
import { LOCAL } from './receivers.ts';

const { url, sweep } = JSON.parse(process.argv[2] ?? '{}') as { url: string; sweep: boolean };
const unstuck = await Unstuck.connect({ database: url, migrate: false, sweep, ...LOCAL });
await unstuck.work([defineJob({ type: 'told', input: anything, run: () => 'done' })]);
// When the test run is gone, so is the pipe: nobody else would end this process.
process.stdin.resume().once('close', () => process.exit(1));
process.stdout.write('ready\n');
