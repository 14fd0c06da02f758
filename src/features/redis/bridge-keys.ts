/** Bridge keys: what a bridge keeps in Redis beside the list of its producers. */
import type { BridgeDefinition } from '../../domain/define-bridge.ts';

/** The keys of a bridge. */
export interface BridgeKeys {
  readonly list: string;
  readonly dead: string;
  /** The set of those that may have taken messages. */
  readonly consumers: string;
  /** How many messages have been taken. */
  readonly taken: string;
  /** What the keys of `processing` begin with. */
  readonly prefix: string;
  /** What a consumer has taken and not settled: a hash of messages by their ids. */
  readonly processing: (consumer: string) => string;
  /** Is there for as long as the consumer lives. */
  readonly lease: (consumer: string) => string;
}

/** Names the keys of a bridge. */
export function keysOf({
  name,
  list,
  dead,
}: Pick<BridgeDefinition, 'name' | 'list' | 'dead'>): BridgeKeys {
  const prefix = `${list}:processing:${name}:`;
  return {
    list,
    dead,
    consumers: `${list}:consumers:${name}`,
    taken: `${list}:taken:${name}`,
    prefix,
    processing: (consumer) => prefix + consumer,
    lease: (consumer) => `${list}:lease:${name}:${consumer}`,
  };
}
