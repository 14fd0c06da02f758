// The job types of this example, and where they are sent: what `unstuck work examples/episodes/index.ts` and `npm start` load.
import type { AlertsDefinition, AnyJob, TargetDefinition } from 'unstuck';
import { alertsBy } from './alerts.ts';
import { assemblerAt, IN_A_HURRY } from './assembler-target.ts';
import { assembleJob, episodeJob } from './episode-jobs.ts';

/** Every job type of the example. */
export const jobs: readonly AnyJob[] = [episodeJob, assembleJob];

const { ASSEMBLER_URL, SMS_API_URL } = process.env;

/** The assembler at `ASSEMBLER_URL`, or at port 8791 of this machine. */
export const assembler: TargetDefinition = assemblerAt(
  ASSEMBLER_URL ?? 'http://127.0.0.1:8791',
  IN_A_HURRY,
);

/** Alerts by the provider of SMS at `SMS_API_URL`; without it nobody is told. */
export const alerts: AlertsDefinition | undefined =
  SMS_API_URL === undefined ? undefined : alertsBy(SMS_API_URL);
