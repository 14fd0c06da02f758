/** Explain: why a group of jobs is late, and who must act, in words. */

/** A group of late jobs. */
export interface LateGroup {
  readonly kind: 'queued' | 'hold' | 'gate' | 'running' | 'loop' | 'schedule';
  /** The type of a queued group, the gate of a pending one, the worker of a running one and of a loop, the name of a schedule. */
  readonly subject: string;
  readonly workers: number;
  readonly slots: number;
  readonly busy: number;
  /** Which loops have no pulse, or why a schedule cannot be fired; else null. */
  readonly detail: string | null;
}

/** Why, and what moves it. */
export interface Explanation {
  readonly reason: string;
  readonly action: string;
}

/** Explains a group of late jobs. */
export function explain(group: LateGroup): Explanation {
  switch (group.kind) {
    case 'queued':
      return explainQueued(group);
    case 'hold':
      return {
        reason: 'held since they were enqueued, for more than a day',
        action: 'somebody releases or cancels them: unstuck job list --state pending',
      };
    case 'gate':
      return {
        reason: `the sweep is behind: jobs at the gate "${group.subject}" should have moved`,
        action: 'the sweep moves them; if this stays, see `unstuck status` for its last round',
      };
    case 'running':
      return {
        reason: `past their timeout on worker ${group.subject}, which has not ended them`,
        action: 'the sweep ends them at its next round; replace that worker if this comes back',
      };
    case 'loop':
      return {
        reason: `no pulse in worker ${group.subject}: ${group.detail} has had no good round for 30 s`,
        action:
          'its log says why (loop_failed, sweep_failed, event_loop_blocked); restart it if this stays',
      };
    case 'schedule':
      return explainSchedule(group);
  }
}

function explainSchedule({ subject: name, detail }: LateGroup): Explanation {
  if (detail !== null)
    return {
      reason: `the schedule "${name}" cannot be fired: ${detail}`,
      action:
        'somebody mends it: unstuck schedule set; it is tried again at least every five minutes',
    };
  return {
    reason: `the schedule "${name}" was not fired at its time: nobody sweeps, or the sweep is behind`,
    action:
      'start a process that sweeps; if one runs, see `unstuck status` for its last round and its log for sweep_failed',
  };
}

function explainQueued(group: LateGroup): Explanation {
  const { subject: type, workers, slots, busy } = group;
  if (workers === 0)
    return {
      reason: `no live worker handles "${type}"`,
      action: `start a worker that handles "${type}"`,
    };
  if (busy >= slots)
    return {
      reason: `all ${slots} slots of the ${workers} workers that handle "${type}" are busy`,
      action: 'they are taken as slots become free; start more workers or raise their concurrency',
    };
  return {
    reason: `${slots - busy} of ${slots} slots for "${type}" are free, but these jobs were not claimed yet`,
    action:
      'workers look at least once a second; if this stays, a worker is blocked or its queries are',
  };
}
