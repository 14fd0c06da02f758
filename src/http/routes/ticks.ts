/** Ticks: an outside clock makes the queue go on, when nothing of ours does. */
import { z } from 'zod';
import { snakeJson } from '../../domain/json.ts';
import { withoutTokens } from '../../domain/tokens.ts';
import { type Route, route } from '../route.ts';
import { givenName } from '../schema/values.ts';

/** What one tick did. */
const tickRound: z.ZodType = z
  .object({
    promoted: z.int().meta({ description: 'Jobs whose time, or next attempt, had come.' }),
    admitted: z.int().meta({ description: 'Rows inserted by hand that were let in.' }),
    reclaimed: z.int().meta({ description: 'Jobs whose worker was dead.' }),
    timed_out: z.int().meta({ description: 'Attempts that had run past their timeout.' }),
    expired: z.int().meta({ description: 'Jobs that were not finished by their finish_by.' }),
    refused: z.int().meta({ description: 'Rows of an unknown type, or without a pool.' }),
    fired: z.int().meta({ description: 'Jobs that schedules made.' }),
    targets_probed: z
      .int()
      .meta({ description: 'Remote workers that were asked whether they are back.' }),
    unparked: z.int().meta({ description: 'Jobs that go on because their remote worker is back.' }),
    findings: z.int().meta({ description: 'How many groups of late jobs there are now.' }),
    more: z.boolean().meta({ description: 'Whether there is more to do: call again.' }),
  })
  .meta({ id: 'TickRound', description: 'What one round of the sweep did.' });

/** The routes of ticks. */
export const tickRoutes: readonly Route[] = [
  route({
    id: 'tick',
    method: 'POST',
    path: '/v1/ticks/{name}',
    scope: 'tick',
    tag: 'ticks',
    summary: 'Does one round of the sweep now, within 3 s, whoever else sweeps.',
    about:
      'For an outside scheduler; `name` says which one, in the log. It may be called as often as you like and by several at once: every step checks each row again, so calling twice is as calling once. Beside a token it takes the header `x-unstuck-tick`, or the identity of a cloud (OIDC): see docs/ticks.md.',
    params: z.object({ name: givenName }),
    answers: { 200: { about: 'What it did.', schema: tickRound } },
    errors: ['OIDC_KEYS_UNREACHABLE'],
    handle: async ({ api, principal, params: { name } }) => {
      const round = await api.unstuck.tick();
      api.unstuck.log.info('tick', { name: withoutTokens(name), by: principal.name, ...round });
      return { json: snakeJson(round) };
    },
  }),
];
