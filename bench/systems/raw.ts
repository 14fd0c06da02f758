/** The floor: hand-written SQL for the success path only, no retry, history, key, schedule or failure. */
import { Client } from 'pg';
import type { Payload } from '../core/payload.ts';
import type { System, Target } from '../core/system.ts';
import { leftBySql } from './left-by-sql.ts';
import { RawProducer } from './raw-producer.ts';
import { startRawWorker } from './raw-worker.ts';

/** How the floor claims. */
export interface RawSettings {
  readonly batch: number;
  readonly loops: number;
  /** Whether a claim starts behind the last claimed row, so that dead rows at the head cost nothing. */
  readonly cursor: boolean;
}

/** A claimed row. */
export interface RawRow {
  readonly id: string;
  readonly payload: Payload;
}

const TABLES = `
  create table ready (
    priority int not null default 0,
    id bigint generated always as identity,
    payload jsonb not null,
    primary key (priority, id)
  );
  create table leased (id bigint primary key, payload jsonb not null, since timestamptz not null default now());
  create table later (
    run_at timestamptz not null,
    id bigint generated always as identity,
    payload jsonb not null,
    primary key (run_at, id)
  );`;
const LEFT = 'select exists (select from ready) or exists (select from leased) as some';

/** Returns the floor on this database. */
export function openRaw({ url, settings }: Target<RawSettings>): System {
  return {
    prepare: async () => {
      const client = new Client({ connectionString: url });
      await client.connect();
      await client.query(TABLES);
      await client.end();
    },
    producer: async () => {
      const left = await leftBySql(url, LEFT);
      const producer = await RawProducer.connect(url);
      return {
        one: (payload) => producer.enqueue(payload),
        many: (payloads, { delayMs }) => producer.enqueueMany(payloads, delayMs),
        left: left.ask,
        close: async () => {
          await left.close();
          await producer.close();
        },
      };
    },
    work: (work) => startRawWorker(url, work, settings),
  };
}
