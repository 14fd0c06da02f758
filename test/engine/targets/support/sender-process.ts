// A process that sends jobs to a remote worker, to be killed: works on the type `assemble` of the database and for the target given as its arguments.
import * as z from 'zod';
import { defineJob, defineTarget, Unstuck } from '../../../../src/index.ts';

const [database = '', target = '{}'] = process.argv.slice(2);
const unstuck = await Unstuck.connect({
  database,
  logLevel: 'error',
  privateAddresses: ['127.0.0.0/8'],
  sweepInterval: '100ms',
});
await unstuck.work([
  defineJob({ type: 'assemble', input: z.unknown(), target: defineTarget(JSON.parse(target)) }),
]);
process.stdout.write('ready\n');
