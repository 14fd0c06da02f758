/** Problem: the shape of every error (RFC 9457). */
import { z } from 'zod';

/** An error as it is told over HTTP. */
export const problem: z.ZodType = z
  .object({
    type: z.string().meta({ description: '`urn:unstuck:error:` and the code.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What was expected and what came.' }),
    instance: z.string(),
    code: z.string().meta({ description: 'Stable; docs/generated/errors.md lists all.' }),
    hint: z.string().meta({ description: 'What to do.' }),
    request_id: z.string().meta({ description: 'Finds the line in the log of the server.' }),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    facts: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Problem', description: 'An error, as RFC 9457 has it.' });
