/** What the database says of bridges, as metrics. */
import type { Bridge, BridgeList } from '../../domain/bridge.ts';
import { ageOf, bounded, type Value } from './database-families.ts';
import { counter, type Family, gauge } from './family.ts';
import type { Snapshot } from './snapshot.ts';

const LISTS = ['waiting', 'processing', 'dead'] as const;

/** The metrics of bridges. */
export function bridgeFamilies({ bridges, status: { now } }: Snapshot): Family[] {
  const each = (pick: (list: BridgeList) => number | null): Value[] =>
    bridges.flatMap((bridge) =>
      LISTS.flatMap((list): Value[] => {
        const value = pick(bridge[list]);
        return value === null ? [] : [[{ bridge: bridge.name, list }, value]];
      }),
    );
  const of = (pick: (bridge: Bridge) => number): Value[] =>
    bridges.map((bridge) => [{ bridge: bridge.name }, pick(bridge)]);
  return [
    gauge(
      'unstuck_bridge_messages',
      'Messages of a Redis list: waiting, processing, or dead.',
      bounded(
        'bridge',
        each(({ length }) => length),
      ),
    ),
    gauge(
      'unstuck_bridge_oldest_age_seconds',
      'The age of the oldest message; 0 when there is none.',
      bounded(
        'bridge',
        each(({ oldestAt }) => (oldestAt === null ? 0 : ageOf(oldestAt, now))),
        'max',
      ),
    ),
    gauge(
      'unstuck_bridge_growth_per_minute',
      'By how many messages it grew in the latest whole minute.',
      bounded(
        'bridge',
        each(({ growthPerMinute }) => growthPerMinute),
      ),
    ),
    gauge(
      'unstuck_bridge_up',
      '1 while Redis answers.',
      bounded(
        'bridge',
        of(({ state }) => (state === 'up' ? 1 : 0)),
        'min',
      ),
    ),
    gauge(
      'unstuck_bridge_look_age_seconds',
      'Time since the lists were last measured.',
      bounded(
        'bridge',
        bridges.flatMap(({ name, lookedAt }): Value[] =>
          lookedAt === null ? [] : [[{ bridge: name }, ageOf(lookedAt, now)]],
        ),
        'max',
      ),
    ),
    counter(
      'unstuck_bridge_lost_total',
      'Lost messages that were found and sent.',
      bounded(
        'bridge',
        of(({ lostTimes }) => lostTimes),
      ),
    ),
  ];
}
