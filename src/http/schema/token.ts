/** Token: the shapes of tokens, and of who makes a request. */
import { z } from 'zod';
import { SCOPES, type Scope } from '../../domain/scopes.ts';
import { duration, instant, instantOrNull } from './values.ts';

const scope = z.enum(SCOPES);

const shown = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(scope),
  valid: z.boolean().meta({ description: 'Whether it can be used: neither revoked nor expired.' }),
  created_at: instant,
  created_by: z.string().nullable(),
  expires_at: instantOrNull,
  revoked_at: instantOrNull,
  revoked_by: z.string().nullable(),
  revoke_reason: z.string().nullable(),
  last_used_at: instantOrNull.meta({ description: 'To the minute.' }),
});

/** A token as it is kept. */
export const token: z.ZodType = shown.meta({
  id: 'Token',
  description: 'A token, without its secret.',
});

/** A new token, with its secret. */
export const madeToken: z.ZodType = z
  .object({
    ...shown.shape,
    token: z.string().meta({ description: 'What to send; shown this once.' }),
  })
  .meta({ id: 'MadeToken', description: 'A new token with its secret.' });

/** A new token as its schema gives it. */
export interface NewTokenBody {
  readonly name: string;
  readonly scopes: Scope[];
  readonly expires_in?: string | number | undefined;
}

/** What is said of a new token. */
export const newToken: z.ZodType<NewTokenBody> = z.strictObject({
  name: z.string().meta({ description: 'Who or what has it: 1 to 100 characters.' }),
  scopes: z.array(scope).min(1).max(SCOPES.length),
  expires_in: duration.optional(),
});

/** Who makes a request. */
export const me: z.ZodType = z
  .object({
    name: z.string(),
    scopes: z.array(scope).meta({ description: 'As they were given.' }),
    allows: z.array(scope).meta({ description: 'With all that they contain.' }),
    via: z.enum(['token', 'root', 'session', 'oidc', 'host', 'open']).meta({
      description:
        'What vouches for them: a token, the token of the environment, a cookie, a cloud, an address of this machine, or the application that serves this.',
    }),
  })
  .meta({ id: 'Me', description: 'Who makes the request, and what they may do.' });
