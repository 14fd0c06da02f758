/** Target notice: what whoever enqueues is told while the remote worker of the job takes none; pure. */

/** How a target stands. */
export interface TargetStanding {
  readonly name: string;
  readonly state: 'up' | 'down' | 'half-open';
  /** Whether it can be sent a job now. */
  readonly usable: boolean;
  readonly downSince: Date | null;
  readonly pausedAt: Date | null;
  /** Until when it has asked to be sent nothing. */
  readonly holdUntil: Date | null;
  /** The time at which it stood so. */
  readonly now: Date;
}

/** By which a program knows what is told. */
export type NoticeCode = (typeof CODES)[keyof typeof CODES];

const CODES = { down: 'TARGET_DOWN', paused: 'TARGET_PAUSED', busy: 'TARGET_BUSY' } as const;

/** Said of a job that is stored while none of its remote workers takes jobs: nothing is wrong with it, and nobody needs to do anything. */
export interface Notice {
  readonly code: NoticeCode;
  /** For a person. */
  readonly message: string;
  /** The first of its targets. */
  readonly target: string;
  /** Null while it is only busy. */
  readonly since: Date | null;
}

const STANDS = { down: 'away', paused: 'paused' } as const;
const THEN = {
  down: 'when it is back',
  paused: 'when the pause ends',
  busy: 'after that',
} as const;

/** What to tell of a job that is sent to these targets (`names`, the first first); null when one of them takes it. */
export function noticeOf(
  names: readonly string[],
  standings: readonly TargetStanding[],
): Notice | null {
  const first = names
    .map((name) => standings.find((one) => one.name === name))
    .find((one) => one !== undefined);
  if (first === undefined || standings.some(({ usable }) => usable)) return null;
  const kind = kindOf(first);
  const since = sinceOf(first);
  const message =
    names.length === 1
      ? `Queued. The worker "${first.name}" ${standsOf(first, kind, since)}; the job is sent to it ${THEN[kind]}, and nothing is lost.`
      : `Queued. None of its ${names.length} workers takes jobs now ("${first.name}" ${standsOf(first, kind, since)}); the job is sent to the first that does, and nothing is lost.`;
  return { code: CODES[kind], message, target: first.name, since };
}

/** Whether an enqueue means its job to run now: what is for later, or held, is not kept by a target. */
export function meansNow(options: {
  readonly hold?: unknown;
  readonly runAt?: unknown;
  readonly delay?: unknown;
}): boolean {
  const { hold, runAt, delay } = options;
  return hold !== true && runAt === undefined && delay === undefined;
}

function kindOf({ pausedAt, state }: TargetStanding): keyof typeof CODES {
  if (pausedAt !== null) return 'paused';
  return state === 'up' ? 'busy' : 'down';
}

function sinceOf({ pausedAt, downSince }: TargetStanding): Date | null {
  return pausedAt ?? downSince;
}

function standsOf(
  { holdUntil, now }: TargetStanding,
  kind: keyof typeof CODES,
  since: Date | null,
): string {
  const until = holdUntil === null ? '' : ` until ${clockOf(holdUntil, now)}`;
  if (kind === 'busy') return `is busy${until}`;
  return `is ${STANDS[kind]}${since === null ? '' : ` since ${clockOf(since, now)}`}`;
}

/** `12:03 UTC`; of another day with its date. */
function clockOf(at: Date, now: Date): string {
  const [day = '', time = ''] = at.toISOString().split('T');
  const clock = `${time.slice(0, 5)} UTC`;
  return now.toISOString().startsWith(day) ? clock : `${day} ${clock}`;
}
