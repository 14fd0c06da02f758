// The laws of links: what must hold after every step, whatever it was, and what more must hold when nothing is left to a sweep.
import {
  childrenOf,
  holdersOf,
  type LiveJob,
  letInBetween,
  type Picture,
  placedAt,
  take,
  waitersOf,
} from './picture.ts';
import type { World } from './world.ts';

/** An enqueue is answered before its job is let in at its limit: that must follow within this time. */
const LET_IN_MS = 2_000;
/** A parent is looked at this often. */
const LOOK_AFTER_MS = 30_000;

/** Looks at the world after a step; returns which laws are broken. */
export async function brokenLaws(world: World): Promise<string[]> {
  const before = world.picture;
  const until = performance.now() + LET_IN_MS;
  for (;;) {
    const now = await take(world.all.query);
    const broken = compare(world, before, now);
    if (broken.length > 0 && world.isLettingIn && performance.now() < until) continue;
    world.picture = now;
    world.isLettingIn = false;
    world.letIn.push(...letInBetween(before, now));
    return broken;
  }
}

function compare(world: World, before: Picture, now: Picture): string[] {
  return [
    ...lostJobs(world, now),
    ...brokenPools(world, before, now),
    ...brokenLimits(world, before, now),
    ...brokenParents(world, before, now),
  ];
}

/** A1: whoever was stored is somewhere, and once. */
function lostJobs(world: World, { live, ended }: Picture): string[] {
  const ids = [...live, ...ended].map(({ id }) => id);
  for (const { id, parent } of live) if (parent !== null) world.known.add(id);
  const doubled = ids.filter((id, at) => ids.indexOf(id) !== at);
  const lost = [...world.known].filter((id) => !ids.includes(id));
  const keys = live.flatMap(({ key }) => key ?? []);
  return [
    ...doubled.map((id) => `job ${id} is in two places`),
    ...lost.map((id) => `job ${id} is lost`),
    ...keys
      .filter((key, at) => keys.indexOf(key) !== at)
      .map((key) => `two live jobs have the key ${key}`),
  ];
}

function brokenPools(world: World, before: Picture, now: Picture): string[] {
  return now.pools.flatMap(({ key, capacity, processed }) => {
    const [had, holders] = [holdersOf(before, key).length, holdersOf(now, key).length];
    const waiting = waitersOf(now, key).length;
    const broken: string[] = [];
    if (holders > Math.max(capacity, had))
      broken.push(`L2: pool ${key} went from ${had} to ${holders} holders of ${capacity} slots`);
    if (!world.isLeftToSweep && waiting > 0 && holders < capacity)
      broken.push(`L3: ${waiting} wait for pool ${key} with ${holders} of ${capacity} slots held`);
    if (processed !== (world.processed.get(key) ?? 0))
      broken.push(
        `S0.3: pool ${key} has processed ${processed}, not ${world.processed.get(key) ?? 0}`,
      );
    return broken;
  });
}

function brokenLimits(world: World, before: Picture, now: Picture): string[] {
  const keys = new Set(now.live.flatMap(({ limit }) => limit ?? []));
  return [...keys].flatMap((key) => {
    const amounts = now.limits.find(({ name }) => name === key.split('#')[0]);
    if (amounts === undefined) return [`the limit of ${key} is gone`];
    const broken: string[] = [];
    const [had, placed] = [placedAt(before, key).length, placedAt(now, key).length];
    const { running, rate_count: count, rate_ms: ms } = amounts;
    // A let-in that was under way when the limit was lowered went by what was allowed then.
    const was = before.limits.find(({ name }) => name === amounts.name)?.running ?? 0;
    if (running !== null && placed > Math.max(running, had, was))
      broken.push(`limit ${key} went from ${had} to ${placed} of ${running}`);
    if (count !== null && ms !== null) {
      const started = [...world.letIn, ...letInBetween(before, now)].filter(
        (one) => one.key === key && one.at_ms > now.now_ms - ms,
      );
      if (started.length > count) broken.push(`rate ${key}: ${started.length} of ${count} let in`);
    }
    const waiting = now.live.filter((one) => one.limit === key && one.gate === 'limit');
    if (waiting.length > 0 && hasRoom(world, now, key, amounts))
      broken.push(`L3: ${waiting.length} wait at ${key} with ${placed} of ${running} placed`);
    return broken;
  });
}

/** Whether somebody who waits at the key of a limit should have been let in by now. */
function hasRoom(world: World, now: Picture, key: string, of: Picture['limits'][number]): boolean {
  if (world.isLeftToSweep) return false;
  const placed = placedAt(now, key);
  const isFull = of.running !== null && placed.length >= of.running;
  if (of.rate_count === null || of.rate_ms === null) return !isFull;
  const since = now.now_ms - of.rate_ms;
  const starts = now.starts.find((one) => one.key === key)?.at_ms.filter((at) => at >= since) ?? [];
  const queued = placed.filter(({ runs }) => !runs);
  const isSpent = starts.length >= of.rate_count || queued.length >= of.rate_count;
  return !isFull && !isSpent && !world.isRateLeftToSweep;
}

function brokenParents(world: World, before: Picture, now: Picture): string[] {
  return now.plans.flatMap(({ parent, expected }) => {
    const live = childrenOf(now, parent);
    const ended = now.executions.filter((one) => one.parent === parent);
    const both = live.filter(({ ordinal }) => ended.some((one) => one.ordinal === ordinal));
    const broken = both.map(({ ordinal }) => `execution ${ordinal} of ${parent} is live and ended`);
    const row = now.live.find(({ id }) => id === parent);
    const isLooking = world.isLeftToSweep || isUnseenGap(world, parent);
    if (!isLooking && row?.gate === 'executions') {
      if (live.length === 0) broken.push(`M5: ${parent} waits for executions that have all ended`);
      else if (live.length + ended.length !== expected)
        broken.push(
          `M1: ${parent} waits with ${live.length} live and ${ended.length} ended of ${expected}`,
        );
    }
    if (world.isSwept && row === undefined && live.length > 0)
      broken.push(`M3: ${parent} has ended and ${live.length} executions are live`);
    const wasWaiting = before.live.some(({ id, gate }) => id === parent && gate === 'executions');
    if (!world.isSwept && wasWaiting && row?.gate === null && live.length > 0)
      broken.push(`M5: ${parent} was let on while ${live.length} executions are live`);
    if (row === undefined) broken.push(...wrongEnd(before, now, parent, expected, live));
    return broken;
  });
}

/** What a hand has deleted is found at the next look at its parent. */
function isUnseenGap({ gaps, clockMs }: World, parent: string): boolean {
  return clockMs - (gaps.get(parent) ?? Number.NEGATIVE_INFINITY) <= LOOK_AFTER_MS;
}

/** M4: a parent that has just ended by its own attempt has ended as the ends of its executions say. */
function wrongEnd(
  before: Picture,
  now: Picture,
  parent: string,
  expected: number,
  live: readonly LiveJob[],
): string[] {
  const end = now.ended.find(({ id }) => id === parent);
  const wasRunning = before.live.some(({ id, runs }) => id === parent && runs);
  if (end?.state !== 'completed' || !wasRunning) return [];
  const ended = now.executions.filter((one) => one.parent === parent);
  const completed = ended.filter(({ state }) => state === 'completed').length;
  const all = ended.length === expected && live.length === 0;
  return all && completed >= expected / 2
    ? []
    : [`${parent} completed with ${live.length} live and ${completed} of ${expected} completed`];
}
