/** Filter options: the flags that choose jobs, the same for listing and for changing many. */
import { type Command, Option } from 'commander';
import type { JobFilter } from '../domain/job-filter.ts';
import type { State } from '../domain/transitions.ts';
import { STATES } from '../domain/transitions.ts';
import { readTime } from './read-time.ts';

/** The flags as they are given. */
export interface FilterOptions {
  readonly state?: readonly State[];
  readonly type?: string;
  readonly queue?: string;
  readonly tag?: string;
  readonly key?: string;
  readonly errorCode?: string;
  readonly late?: boolean;
  readonly createdAfter?: string;
  readonly createdBefore?: string;
  readonly finishedAfter?: string;
  readonly finishedBefore?: string;
}

/** Adds the flags to a command. */
export function addFilterOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--state <state...>', 'only jobs in this state, or in one of several').choices(
        STATES,
      ),
    )
    .option('--type <type>', 'only jobs of this type')
    .option('--queue <queue>', 'only jobs whose type has this queue')
    .option('--tag <tag>', 'only jobs with this label')
    .option('--key <key>', 'only jobs with this unique key')
    .option('--error-code <code>', 'only jobs whose latest error has this code')
    .option('--late', 'only jobs past their deadline')
    .option('--created-after <time>', 'only jobs created then or later (RFC 3339)')
    .option('--created-before <time>', 'only jobs created before then')
    .option('--finished-after <time>', 'only jobs finished then or later')
    .option('--finished-before <time>', 'only jobs finished before then');
}

/** The filter that the flags mean. Throws TIME_INVALID. */
export function toFilter(options: FilterOptions): JobFilter {
  const { state, type, queue, tag, key, errorCode, late } = options;
  return Object.fromEntries(
    Object.entries({
      state,
      type,
      queue,
      tag,
      key,
      errorCode,
      late,
      createdAfter: readTime(options.createdAfter, '--created-after'),
      createdBefore: readTime(options.createdBefore, '--created-before'),
      finishedAfter: readTime(options.finishedAfter, '--finished-after'),
      finishedBefore: readTime(options.finishedBefore, '--finished-before'),
    }).filter(([, value]) => value !== undefined),
  );
}
