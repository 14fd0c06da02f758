/** Schedules: set, paused, run by hand, and looked ahead. */
import { z } from 'zod';
import { unstuckError } from '../../domain/errors.ts';
import { scheduleJson, snakeJson } from '../../domain/json.ts';
import type { Schedule } from '../../domain/schedule.ts';
import { actorOf } from '../access/principal.ts';
import type { Api } from '../api.ts';
import { readNotice } from '../notice.ts';
import { pageParameters, readPage } from '../page.ts';
import { type Route, route } from '../route.ts';
import { enqueuedJob } from '../schema/job.ts';
import { newPause } from '../schema/queue.ts';
import {
  type NewScheduleBody,
  newSchedule,
  nominalTime,
  type PreviewBody,
  previewRequest,
  schedule,
  toRule,
  toSettings,
} from '../schema/schedule.ts';
import { givenName, givenReason, pageOf } from '../schema/values.ts';

const TAG = 'schedules';
const named = z.object({ name: givenName });

/** The routes of schedules. */
export const scheduleRoutes: readonly Route[] = [
  route({
    id: 'listSchedules',
    method: 'GET',
    path: '/v1/schedules',
    scope: 'read',
    tag: TAG,
    summary: 'Lists schedules, by name.',
    query: z.strictObject(pageParameters),
    answers: { 200: { about: 'One page.', schema: pageOf(schedule) } },
    handle: async ({ api, query }) => ({
      json: await readPage(query, {
        of: 'schedules',
        read: (page) => api.unstuck.schedules.list(page),
        keyOf: ({ name }) => name,
        toJson: scheduleJson,
      }),
    }),
  }),
  route({
    id: 'getSchedule',
    method: 'GET',
    path: '/v1/schedules/{name}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one schedule.',
    params: named,
    answers: { 200: { about: 'The schedule.', schema: schedule } },
    errors: ['SCHEDULE_NOT_FOUND'],
    handle: async ({ api, params: { name } }) => {
      const found = await api.unstuck.schedules.get(name);
      if (found !== undefined) return { json: scheduleJson(found) };
      throw unstuckError('SCHEDULE_NOT_FOUND', `There is no schedule ${JSON.stringify(name)}.`, {
        detail: { name },
      });
    },
  }),
  route({
    id: 'setSchedule',
    method: 'PUT',
    path: '/v1/schedules/{name}',
    scope: 'admin',
    tag: TAG,
    summary: 'Stores a schedule, or makes the stored one what the body says.',
    about:
      'What the body leaves out gets its default; the same again changes nothing; a changed rule goes on with its first time from now; a pause stays.',
    params: named,
    body: newSchedule,
    answers: { 200: { about: 'The schedule.', schema: schedule } },
    errors: [
      'SCHEDULE_INVALID',
      'JOB_TYPE_INVALID',
      'JOB_TYPE_UNKNOWN',
      'INPUT_INVALID',
      'INPUT_TOO_LARGE',
      'PRIORITY_INVALID',
      'KEY_INVALID',
      'TIME_INVALID',
      'POOL_INVALID',
      'LIMIT_INVALID',
    ],
    handle: async ({ api, params: { name }, body }) => ({
      json: scheduleJson(await setSchedule(api, name, body)),
    }),
  }),
  route({
    id: 'deleteSchedule',
    method: 'DELETE',
    path: '/v1/schedules/{name}',
    scope: 'admin',
    tag: TAG,
    summary: 'Deletes a schedule; its jobs go on.',
    params: named,
    query: z.strictObject({ reason: givenReason }),
    answers: { 204: { about: 'It is gone.' } },
    errors: ['SCHEDULE_NOT_FOUND'],
    handle: async ({ api, principal, params: { name }, query }) => {
      await api.unstuck.schedules.delete(name, actorOf(principal, query));
      return { status: 204 };
    },
  }),
  route({
    id: 'pauseSchedule',
    method: 'POST',
    path: '/v1/schedules/{name}/pause',
    scope: 'write',
    tag: TAG,
    summary: 'Pauses a schedule, until then or until it is resumed.',
    about: 'Times of a pause are not missed: they never fire.',
    params: named,
    body: newPause,
    answers: { 200: { about: 'The schedule.', schema: schedule } },
    errors: ['SCHEDULE_NOT_FOUND', 'SCHEDULE_INVALID'],
    handle: async ({ api, principal, params: { name }, body: { until, reason } }) => {
      const end = until === undefined ? {} : { until };
      const options = { ...actorOf(principal, { reason }), ...end };
      return { json: scheduleJson(await api.unstuck.schedules.pause(name, options)) };
    },
  }),
  route({
    id: 'resumeSchedule',
    method: 'POST',
    path: '/v1/schedules/{name}/resume',
    scope: 'write',
    tag: TAG,
    summary: 'Ends a pause; the schedule goes on with its first time from now.',
    params: named,
    body: z.strictObject({ reason: givenReason }),
    answers: { 200: { about: 'The schedule.', schema: schedule } },
    errors: ['SCHEDULE_NOT_FOUND'],
    handle: async ({ api, principal, params: { name }, body }) => ({
      json: scheduleJson(await api.unstuck.schedules.resume(name, actorOf(principal, body))),
    }),
  }),
  route({
    id: 'runSchedule',
    method: 'POST',
    path: '/v1/schedules/{name}/run',
    scope: 'write',
    tag: TAG,
    summary: 'Runs a schedule once, now, paused or not, beside its times.',
    params: named,
    body: z.strictObject({ reason: givenReason }),
    answers: {
      201: { about: 'The new job.', schema: enqueuedJob },
      200: { about: 'The run that is live already, by the overlap policy.', schema: enqueuedJob },
    },
    errors: ['SCHEDULE_NOT_FOUND', 'SLOTS_EXHAUSTED', 'POOL_UNKNOWN', 'POOL_BUSY', 'KEY_BUSY'],
    handle: async ({ api, principal, params: { name }, body }) => {
      const run = await api.unstuck.schedules.run(name, actorOf(principal, body));
      const its = await api.unstuck.schedules.get(name);
      const notice = its === undefined ? null : await readNotice(api, its.type);
      return {
        status: run.created ? 201 : 200,
        json: { id: run.id, created: run.created, enqueued: run.reason, notice },
        headers: { location: `${api.prefix}/v1/jobs/${run.id}` },
      };
    },
  }),
  route({
    id: 'previewSchedule',
    method: 'POST',
    path: '/v1/schedule-previews',
    scope: 'read',
    tag: TAG,
    summary: 'Answers the next runs of a stored schedule, or of a rule; it stores nothing.',
    about: 'None while a pause without an end lasts.',
    body: previewRequest,
    answers: { 200: { about: 'The runs, in their order.', schema: pageOf(nominalTime) } },
    errors: ['SCHEDULE_NOT_FOUND', 'SCHEDULE_INVALID'],
    handle: async ({ api, body }) => ({
      json: { data: snakeJson(await previewOf(api, body)), next_cursor: null },
    }),
  }),
];

/** The input is checked against the definition of the type where this handler knows it. */
function setSchedule(
  { unstuck, definitions }: Api,
  name: string,
  body: NewScheduleBody,
): Promise<Schedule> {
  const { type, input } = body;
  const job = definitions.get(type);
  const settings = toSettings(body);
  if (job !== undefined)
    return unstuck.schedules.set(name, { ...settings, job, input: input as never });
  return unstuck.schedules.set(name, {
    ...settings,
    type,
    ...(input === undefined ? {} : { input }),
  });
}

function previewOf({ unstuck }: Api, body: PreviewBody): Promise<readonly object[]> {
  const { schedule: name, count, from } = body;
  const page = {
    ...(count === undefined ? {} : { count }),
    ...(from === undefined ? {} : { from }),
  };
  const rule = toRule(body);
  if (name === undefined) return unstuck.schedules.preview(rule, page);
  const [extra] = Object.keys(rule);
  if (extra === undefined) return unstuck.schedules.preview(name, page);
  const issues = [`/${extra}: Expected schedule or a rule, got both`];
  throw unstuckError('REQUEST_INVALID', 'Expected schedule or a rule, got both.', {
    detail: { issues },
  });
}
