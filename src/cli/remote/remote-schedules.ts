/** Remote schedules: those of a server. */
import type { Schedule, ScheduleRule } from '../../domain/schedule.ts';
import type { Client, PreviewRequest, SetScheduleRequest } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson, toJson } from './crossing.ts';
import { isBehind, orUndefined, readList } from './pages.ts';

const LIMIT_DEFAULT = 1_000;

/** The schedules of a server. */
export function remoteSchedules(client: Client): Operable['schedules'] {
  return {
    set: async (name, { type, input, ...settings }) => {
      const request = { ...toJson<SetScheduleRequest>(settings), name, type, input };
      return fromJson(await client.setSchedule(request));
    },
    get: async (name) =>
      fromJson(await orUndefined(client.getSchedule({ name }), 'SCHEDULE_NOT_FOUND')),
    list: ({ after, limit = LIMIT_DEFAULT } = {}) =>
      readList<Schedule>(
        (page) => client.listSchedules(page),
        limit,
        ({ name }) => isBehind(name, after),
      ),
    delete: (name, { reason } = {}) => client.deleteSchedule({ name, reason }),
    pause: async (name, { reason, until } = {}) =>
      fromJson(await client.pauseSchedule({ name, reason, until })),
    resume: async (name, { reason } = {}) =>
      fromJson(await client.resumeSchedule({ name, reason })),
    run: async (name, { reason } = {}) => {
      const { id, created, enqueued } = await client.runSchedule({ name, reason });
      return { id, created, reason: enqueued };
    },
    preview: async (schedule, { count, from } = {}) => {
      const request = { ...ruleOf(schedule), count, from };
      return fromJson((await client.previewSchedule(request)).data);
    },
  };
}

function ruleOf(schedule: string | ScheduleRule): PreviewRequest {
  return typeof schedule === 'string' ? { schedule } : toJson<PreviewRequest>(schedule);
}
