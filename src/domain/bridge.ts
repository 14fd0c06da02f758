/** Bridge: how a bridge stands, and its dead messages, as every surface tells them. */

/** One of the lists of a bridge when it was last measured. */
export interface BridgeList {
  readonly length: number;
  /** When its oldest message was sent, or was first seen to be the oldest; null when it is empty. */
  readonly oldestAt: Date | null;
  /** By how many messages it grows in a minute, measured over the latest whole one; negative when it shrinks, null in the first. */
  readonly growthPerMinute: number | null;
}

/** A bridge as it was last looked at. */
export interface Bridge {
  readonly name: string;
  readonly list: string;
  readonly deadList: string;
  /** The end at which messages are taken; producers push at the other one. */
  readonly takeFrom: 'left' | 'right';
  /** Where Redis is, without user and password. */
  readonly address: string;
  /** `new` before the first look; `away` when Redis could not be asked. */
  readonly state: 'new' | 'up' | 'away';
  readonly lastError: string | null;
  readonly awayAt: Date | null;
  /** When the lists were last measured. */
  readonly lookedAt: Date | null;
  /** When they are looked at next; in the past when no process runs the bridge. */
  readonly nextLook: Date;
  /** After how many milliseconds in the list a message is late. */
  readonly lateAfter: number;
  readonly waiting: BridgeList;
  /** What has been taken and is not stored as jobs yet, of all processes. */
  readonly processing: BridgeList;
  readonly dead: BridgeList;
  /** How many messages have been taken, as Redis has counted them. */
  readonly takenTimes: number;
  /** How many messages were found that had never reached the list, and were sent. */
  readonly lostTimes: number;
  /** The latest of them, at most 20. */
  readonly lostIds: readonly string[];
  /** When they were last looked for. */
  readonly lostLookAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Which dead message is meant: where it stands, and what it is. When another one stands there by now, nothing is done to it. */
export interface DeadPlace {
  /** 0 is the oldest. */
  readonly position: number;
  /** SHA-1 of the whole entry, in hexadecimal. */
  readonly digest: string;
}

/** A dead message. */
export interface DeadMessage extends DeadPlace {
  /** The message as it came, at most 10,000 characters of it; in base64 when it is no UTF-8. */
  readonly message: string;
  readonly encoding: 'text' | 'base64';
  /** Bytes of the whole message. */
  readonly bytes: number;
  /** Why it is dead; null for an entry that another program has put here. */
  readonly code: string | null;
  readonly reason: string | null;
  readonly deadAt: Date | null;
}

/** What became of dead messages. */
export interface DeadChange {
  /** How many were requeued or deleted. */
  readonly done: number;
  /** Those that do not stand there any more. */
  readonly changed: readonly DeadPlace[];
}
