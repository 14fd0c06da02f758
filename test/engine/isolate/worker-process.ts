// A worker in a process of its own, to be killed: works on the isolated jobs of the database given as its argument.
import { Unstuck } from '../../../src/index.ts';
import { jobs } from './jobs.ts';

const unstuck = await Unstuck.connect({ database: process.argv[2] ?? '', logLevel: 'error' });
await unstuck.work(jobs);
process.stdout.write('ready\n');
