/** Explain: why a group of jobs is late, and who must act, in words. */

/** A group of late jobs. */
export interface LateGroup {
  readonly kind:
    | 'queued'
    | 'hold'
    | 'gate'
    | 'slot'
    | 'limit'
    | 'target'
    | 'running'
    | 'loop'
    | 'schedule'
    | 'bridge';
  /** The type of a queued group, the gate of a pending one, the pool, the key of the limit or the target, the worker of a running one and of a loop, the name of a schedule or a bridge. */
  readonly subject: string;
  readonly workers: number;
  readonly slots: number;
  readonly busy: number;
  /** Which loops have no pulse; why a type is paused; who holds a pool or a limit; how a target stands; why a schedule cannot be fired, or a bridge carries nothing. */
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
    case 'slot':
      return explainSlot(group);
    case 'limit':
      return explainLimit(group);
    case 'target':
      return explainTarget(group);
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
    case 'bridge':
      return explainBridge(group);
  }
}

function explainTarget({ subject: target, detail }: LateGroup): Explanation {
  if (detail === null)
    return {
      reason: `there is no target "${target}" any more`,
      action: 'start a worker whose types name another target, or cancel these jobs',
    };
  if (detail.startsWith('up'))
    return {
      reason: `target "${target}" is ${detail}, and these jobs are sent to it one after the other`,
      action: 'they go out at a rate that doubles each second; if this stays, nobody sweeps',
    };
  return {
    reason: `target "${target}" is ${detail}`,
    action: detail.startsWith('paused')
      ? `unstuck target resume ${target}, when the reason is over`
      : `it is asked again by itself; start it, or correct its address: unstuck target show ${target}`,
  };
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

function explainBridge({ subject: name, detail }: LateGroup): Explanation {
  if (detail !== null)
    return {
      reason: `the bridge "${name}" carries nothing: ${detail}`,
      action: `run it in a process that reaches its Redis (unstuck redis show ${name}); if it is gone for good: unstuck redis delete ${name}`,
    };
  return {
    reason: `messages wait in the list of the bridge "${name}" for longer than its lateAfter`,
    action: `see whether it falls behind or is held up: unstuck redis show ${name}, and the log of its process for bridge_failed`,
  };
}

function explainQueued(group: LateGroup): Explanation {
  const { subject: type, workers, slots, busy, detail } = group;
  if (detail !== null)
    return {
      reason: `"${type}" is ${detail}`,
      action:
        'unstuck queue resume or unstuck type resume, when the reason is over (unstuck queue pauses shows which)',
    };
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

function explainSlot({ subject: pool, slots, busy, detail }: LateGroup): Explanation {
  if (slots < 0)
    return {
      reason: `there is no pool "${pool}" any more`,
      action: 'unstuck pool repair makes it again, or set its capacity',
    };
  if (busy >= slots)
    return {
      reason: `all ${slots} slots of pool "${pool}" are in use${held(detail)}`,
      action: 'slots come free when their jobs end; raise the capacity, or cancel a holder',
    };
  return {
    reason: `${slots - busy} of ${slots} slots of pool "${pool}" are free, but these jobs were not let in yet`,
    action: 'the sweep lets them in; if this stays, an open transaction has locked the pool',
  };
}

function explainLimit({ subject: key, slots, busy, detail }: LateGroup): Explanation {
  if (slots >= 0 && busy >= slots)
    return {
      reason: `limit "${key}" allows ${slots} at once, and ${busy} are in the queue or running${held(detail)}`,
      action: 'the next is let in when one ends; raise the limit, or cancel a holder',
    };
  return {
    reason: `limit "${key}" lets in no more in this time${busy > 0 ? `, and ${busy} wait for a worker` : ''}`,
    action: 'they are let in as its rate allows; raise the rate if the line only grows',
  };
}

function held(holder: string | null): string {
  return holder === null ? '' : `; the oldest holder is ${holder}`;
}
