/** Job filter: which jobs to list, count or change, and its strict reading. */
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { parseJobId } from './job-id.ts';
import { isStorableText } from './payload.ts';
import { END_STATES, type EndState, STATES, type State } from './transitions.ts';

/** Which jobs; everything is optional, and a job must fit everything that is given. */
export interface JobFilter {
  /** One state, or any of several. */
  readonly state?: State | readonly State[];
  readonly type?: string;
  /** Only jobs whose type has been defined with this queue. */
  readonly queue?: string;
  /** Only jobs that carry this label. */
  readonly tag?: string;
  /** The unique key, of live jobs and of finished ones that had it. */
  readonly key?: string;
  /** The code of the latest error, of finished jobs and of those that are tried again. */
  readonly errorCode?: string;
  /** Only jobs whose deadline has passed. False is the same as nothing. */
  readonly late?: boolean;
  /** Created at this instant or later. */
  readonly createdAfter?: Date;
  /** Created before this instant. */
  readonly createdBefore?: Date;
  /** Finished at this instant or later; live jobs do not fit. */
  readonly finishedAfter?: Date;
  /** Finished before this instant; live jobs do not fit. */
  readonly finishedBefore?: Date;
  /** Only these jobs, 1 to 1,000 ids. */
  readonly ids?: readonly string[];
}

/** Which page of a list. */
export interface Page {
  /** 1 to 1000, default 50. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

/** Which jobs to list, and which page of them. */
export interface JobQuery extends JobFilter, Page {}

/** The parsed form of a filter: what the statements ask. */
export interface Conditions {
  /** The live states that fit; empty when no live job does. */
  readonly live: readonly State[];
  /** The ends that fit; empty when no finished job does. */
  readonly ended: readonly EndState[];
  readonly type: string | undefined;
  readonly queue: string | undefined;
  readonly tag: string | undefined;
  readonly key: string | undefined;
  readonly errorCode: string | undefined;
  readonly late: boolean;
  readonly createdAfter: Date | undefined;
  readonly createdBefore: Date | undefined;
  readonly finishedAfter: Date | undefined;
  readonly finishedBefore: Date | undefined;
  /** In ascending order, each once. */
  readonly ids: readonly string[] | undefined;
}

/** The most ids that one filter or selection names. */
export const IDS_MAX = 1_000;

type Name = keyof JobFilter;
const TEXTS = { type: 200, queue: 200, tag: 100, key: 500, errorCode: 200 } as const;
const TIMES = ['createdAfter', 'createdBefore', 'finishedAfter', 'finishedBefore'] as const;
const KNOWN: readonly string[] = ['state', ...Object.keys(TEXTS), 'late', ...TIMES, 'ids'];

/** Parses a filter. Throws REQUEST_INVALID, naming what is wrong, and JOB_ID_INVALID. */
export function parseFilter(filter: JobFilter): Conditions {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter))
    throw invalid('filter', 'an object such as { state: "failed" }', filter);
  const unknown = Object.keys(filter).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined)
    throw unstuckError(
      'REQUEST_INVALID',
      `There is no filter ${shown(unknown)}. Known filters: ${KNOWN.join(', ')}.`,
    );
  const states = parseStates(filter.state);
  const late = parseLate(filter.late);
  const [createdAfter, createdBefore, finishedAfter, finishedBefore] = TIMES.map((name) =>
    parseTime(name, filter[name]),
  );
  const endedOnly = finishedAfter !== undefined || finishedBefore !== undefined;
  const ended = END_STATES.filter((state) => states.includes(state));
  return {
    live: endedOnly
      ? []
      : states.filter((state) => !(END_STATES as readonly State[]).includes(state)),
    ended: late ? [] : ended,
    ...parseTexts(filter),
    late,
    createdAfter,
    createdBefore,
    finishedAfter,
    finishedBefore,
    ids: filter.ids === undefined ? undefined : parseIds(filter.ids, 'filter ids'),
  };
}

/** Whether a filter lets every job through: nothing in it, or only what means nothing. */
export function isEmptyFilter(filter: JobFilter): boolean {
  return Object.entries(filter).every(
    ([name, value]) => value === undefined || (name === 'late' && value === false),
  );
}

/** Returns ids in their canonical form, in ascending order and each once. Throws REQUEST_INVALID or JOB_ID_INVALID. */
export function parseIds(ids: unknown, what: string): string[] {
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > IDS_MAX)
    throw invalid(
      what,
      `a list of 1 to ${IDS_MAX} job ids`,
      Array.isArray(ids) ? `${ids.length} of them` : ids,
    );
  return [...new Set(ids.map(parseJobId))].toSorted();
}

/** Checks the page of a query and returns its limit. Throws REQUEST_INVALID or JOB_ID_INVALID. */
export function parsePage({ limit = 50, after }: Page): {
  readonly limit: number;
  readonly after: string | undefined;
} {
  return {
    limit: checkCount('limit', limit),
    after: after === undefined ? undefined : parseJobId(after),
  };
}

/** Returns how many of something are asked for: 1 to 1,000. Throws REQUEST_INVALID. */
export function checkCount(name: string, count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= 1_000) return count;
  throw invalid(name, 'a whole number from 1 to 1000', count);
}

function parseStates(given: JobFilter['state']): readonly State[] {
  if (given === undefined) return STATES;
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const states = STATES.filter((state) => list.includes(state));
  const good = list.length > 0 && list.every((state) => STATES.includes(state as State));
  if (good) return states;
  throw invalid('state', `one or several of ${STATES.join(', ')}`, given);
}

function parseLate(late: boolean | undefined): boolean {
  if (late === undefined || typeof late === 'boolean') return late ?? false;
  throw invalid('late', 'true or false', late);
}

function parseTexts(filter: JobFilter): Pick<Conditions, keyof typeof TEXTS> {
  const text = (name: keyof typeof TEXTS): string | undefined => {
    const value: unknown = filter[name];
    if (value === undefined) return undefined;
    const good = typeof value === 'string' && value.length >= 1 && value.length <= TEXTS[name];
    if (good && isStorableText(value)) return value;
    throw invalid(name, `a text of 1 to ${TEXTS[name]} characters without NUL`, value);
  };
  return {
    type: text('type'),
    queue: text('queue'),
    tag: text('tag'),
    key: text('key'),
    errorCode: text('errorCode'),
  };
}

function parseTime(name: Name, value: Date | undefined): Date | undefined {
  if (value === undefined) return undefined;
  // JavaScript has years that PostgreSQL has not.
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  if (Math.abs(ms) <= MS_MAX) return value;
  throw invalid(name, 'a valid Date', value);
}

const MS_MAX = 5_000 * 365 * 86_400_000;

function invalid(what: string, expected: string, got: unknown): Error {
  return unstuckError(
    'REQUEST_INVALID',
    `Expected ${what} to be ${expected}, got ${typeof got === 'string' ? got.slice(0, 80) : shown(got)}.`,
  );
}
