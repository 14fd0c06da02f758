// The job types of this example, and where they are sent: what `unstuck work examples/episodes/index.ts` and `npm start` load.
import type { AnyJob, TargetDefinition } from 'unstuck';
import { assemblerAt, IN_A_HURRY } from './assembler-target.ts';
import { assembleJob, episodeJob } from './episode-jobs.ts';

/** Every job type of the example. */
export const jobs: readonly AnyJob[] = [episodeJob, assembleJob];

/** The assembler at `ASSEMBLER_URL`, or at port 8791 of this machine. */
export const assembler: TargetDefinition = assemblerAt(
  process.env['ASSEMBLER_URL'] ?? 'http://127.0.0.1:8791',
  IN_A_HURRY,
);
