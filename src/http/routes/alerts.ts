/** Alerts: what people are told of, what they do about it, and by which rules and channels. */
import { z } from 'zod';
import { ALERT_STATES } from '../../domain/alert.ts';
import { unstuckError } from '../../domain/errors.ts';
import { alertJson, snakeJson } from '../../domain/json.ts';
import { actorOf } from '../access/principal.ts';
import { type Route, route } from '../route.ts';
import { alert, alertChannel, alertRule, newSilence, testedChannel } from '../schema/alert.ts';
import { givenName, givenReason, pageOf, queryInteger, queryList } from '../schema/values.ts';

const TAG = 'alerts';
const one = z.object({ id: givenName });
const answered = { 200: { about: 'The alert.', schema: alert } };
const why = z.strictObject({ reason: givenReason });

/** The routes of alerts. Rules and channels are those of the process that answers. */
export const alertRoutes: readonly Route[] = [
  route({
    id: 'listAlerts',
    method: 'GET',
    path: '/v1/alerts',
    scope: 'read',
    tag: TAG,
    summary:
      'Lists alerts, what fires first; those that are pending or firing unless asked otherwise.',
    query: z.strictObject({
      state: queryList(z.enum(ALERT_STATES), ALERT_STATES.length).optional(),
      rule: givenName.optional(),
      limit: queryInteger(1, 1_000).optional(),
    }),
    answers: { 200: { about: 'At most `limit` (100), in one page.', schema: pageOf(alert) } },
    handle: async ({ api, query: { state, rule, limit } }) => {
      const filter = {
        ...(state === undefined ? {} : { state }),
        ...(rule === undefined ? {} : { rule }),
        ...(limit === undefined ? {} : { limit }),
      };
      const alerts = await api.unstuck.alerts.list(filter);
      return { json: { data: alerts.map(alertJson), next_cursor: null } };
    },
  }),
  route({
    id: 'listAlertRules',
    method: 'GET',
    path: '/v1/alerts/rules',
    scope: 'read',
    tag: TAG,
    summary: 'Lists the rules of the process that answers.',
    answers: { 200: { about: 'All, in one page.', schema: pageOf(alertRule) } },
    errors: ['ALERTS_NOT_STARTED'],
    handle: async ({ api }) => ({
      json: { data: snakeJson(await api.unstuck.alerts.rules()), next_cursor: null },
    }),
  }),
  route({
    id: 'listAlertChannels',
    method: 'GET',
    path: '/v1/alerts/channels',
    scope: 'read',
    tag: TAG,
    summary: 'Lists the channels of the process that answers, without their secrets.',
    answers: { 200: { about: 'All, in one page.', schema: pageOf(alertChannel) } },
    errors: ['ALERTS_NOT_STARTED'],
    handle: async ({ api }) => ({
      json: { data: snakeJson(await api.unstuck.alerts.channels()), next_cursor: null },
    }),
  }),
  route({
    id: 'testAlertChannel',
    method: 'POST',
    path: '/v1/alerts/channels/{name}/test',
    scope: 'admin',
    tag: TAG,
    summary: 'Sends a message by a channel at once, and answers what its API said.',
    about: 'It takes as long as that takes, up to 30 s. A channel that refuses is an answer too.',
    params: z.object({ name: givenName }),
    body: z.strictObject({}),
    answers: { 200: { about: 'What became of it.', schema: testedChannel } },
    errors: ['ALERTS_NOT_STARTED', 'CHANNEL_NOT_FOUND'],
    long: true,
    handle: async ({ api, params: { name } }) => ({
      json: snakeJson(await api.unstuck.alerts.test(name)),
    }),
  }),
  route({
    id: 'getAlert',
    method: 'GET',
    path: '/v1/alerts/{id}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one alert.',
    params: one,
    answers: answered,
    errors: ['ALERT_NOT_FOUND'],
    handle: async ({ api, params: { id } }) => {
      const found = await api.unstuck.alerts.get(id);
      if (found !== undefined) return { json: alertJson(found) };
      throw unstuckError('ALERT_NOT_FOUND', `There is no alert ${JSON.stringify(id)}.`, {
        detail: { id },
      });
    },
  }),
  route({
    id: 'acknowledgeAlert',
    method: 'POST',
    path: '/v1/alerts/{id}/acknowledge',
    scope: 'write',
    tag: TAG,
    summary:
      'Says that somebody looks after an alert that fires: it is not told again, and still resolves.',
    params: one,
    body: why,
    answers: answered,
    errors: ['ALERT_NOT_FOUND', 'ALERT_STATE_CONFLICT'],
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: alertJson(await api.unstuck.alerts.acknowledge(id, actorOf(principal, body))),
    }),
  }),
  route({
    id: 'silenceAlert',
    method: 'POST',
    path: '/v1/alerts/{id}/silence',
    scope: 'write',
    tag: TAG,
    summary: 'Lets an alert tell nobody, for a time or until that is ended; its state goes on.',
    params: one,
    body: newSilence,
    answers: answered,
    errors: ['ALERT_NOT_FOUND'],
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: alertJson(
        await api.unstuck.alerts.silence(id, { ...actorOf(principal, body), for: body.for }),
      ),
    }),
  }),
  route({
    id: 'unsilenceAlert',
    method: 'POST',
    path: '/v1/alerts/{id}/unsilence',
    scope: 'write',
    tag: TAG,
    summary: 'Ends the silence of an alert.',
    params: one,
    body: why,
    answers: answered,
    errors: ['ALERT_NOT_FOUND'],
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: alertJson(await api.unstuck.alerts.unsilence(id, actorOf(principal, body))),
    }),
  }),
];
