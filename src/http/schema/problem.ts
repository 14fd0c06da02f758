/** Problem: the shape of every error (RFC 9457). */
import { z } from 'zod';

const told = z.object({
  type: z.string().meta({ description: '`urn:unstuck:error:` and the code.' }),
  title: z.string(),
  status: z.int(),
  detail: z.string().meta({ description: 'What was expected and what came.' }),
  code: z.string().meta({ description: 'Stable; docs/generated/errors.md lists all.' }),
  hint: z.string().meta({ description: 'What to do.' }),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  facts: z.record(z.string(), z.unknown()).optional(),
});

/** An error as it is told over HTTP. */
export const problem: z.ZodType = z
  .object({
    ...told.shape,
    instance: z.string(),
    request_id: z.string().meta({ description: 'Finds the line in the log of the server.' }),
  })
  .meta({ id: 'Problem', description: 'An error, as RFC 9457 has it.' });

/** An error of one item of many. */
export const itemProblem: z.ZodType = told.meta({
  id: 'ItemProblem',
  description: 'An error of one item of a request that was answered for all.',
});
