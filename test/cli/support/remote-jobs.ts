// A job type whose target is exported beside it, as a module of `unstuck work` does.
import { type AnyJob, defineJob, defineTarget, type TargetDefinition } from 'unstuck';
import { z } from 'zod';

/** Where the test listens. */
export const assembler: TargetDefinition = defineTarget({
  name: 'assembler',
  url: process.env['ASSEMBLER_URL'] ?? 'http://127.0.0.1:1/jobs',
});

/** Names its target only. */
export const assemble: AnyJob = defineJob({
  type: 'assemble',
  input: z.unknown(),
  target: 'assembler',
});
