// The same input in three kinds of Standard Schema, each with a field that reading changes: what goes in is not what comes out.
import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as v from 'valibot';
import * as z from 'zod';

/** What a producer passes. */
export interface MailIn {
  to: string;
  copies?: number | undefined;
  due: string;
}

/** What a handler reads. */
export interface MailOut {
  to: string;
  copies: number;
  due: Date;
}

/** Written with zod. */
export const zodMail = z.object({
  to: z.string(),
  copies: z.number().default(1),
  due: z.string().transform((text) => new Date(text)),
});

/** Written with valibot. */
export const valibotMail = v.object({
  to: v.string(),
  copies: v.optional(v.number(), 1),
  due: v.pipe(
    v.string(),
    v.transform((text) => new Date(text)),
  ),
});

/** Written by hand. */
export const ownMail: StandardSchemaV1<MailIn, MailOut> = {
  '~standard': {
    version: 1,
    vendor: 'own',
    validate(given) {
      const { to, copies = 1, due } = given as MailIn;
      if (typeof to !== 'string') return { issues: [{ message: 'must be text', path: ['to'] }] };
      return { value: { to, copies, due: new Date(due) } };
    },
  },
};
