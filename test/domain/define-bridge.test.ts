// The laws of defineBridge and of messages: what a bridge may be, and what of a message tells it from others.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  idOfMessage,
  jobIdOf,
  readMessage,
  timeOfMessage,
} from '../../src/domain/bridge-message.ts';
import {
  deadEntry,
  digestOfEntry,
  messageOfEntry,
  rowIdOfEntry,
  timeOfEntry,
  toDeadMessage,
} from '../../src/domain/dead-entry.ts';
import { type BridgeOptions, defineBridge } from '../../src/domain/define-bridge.ts';
import { defineJob } from '../../src/domain/define-job.ts';
import { findBridges, findDefinitions } from '../../src/domain/find-definitions.ts';
import { parseJobId } from '../../src/domain/job-id.ts';
import { redisPlace, withoutCredentials } from '../../src/domain/redis-url.ts';

const job = defineJob({ type: 'mail', input: z.unknown(), run: () => undefined });
const GOOD: BridgeOptions<never> = { name: 'mails', list: 'jobs', job };
const bytes = (text: string): Buffer => Buffer.from(text);

describe('defineBridge', () => {
  test('fills in its defaults, and hides the address from whoever prints it', () => {
    const redis = 'redis://u:secret@host:6379/2';
    const bridge = defineBridge({ ...GOOD, redis });
    expect(bridge).toMatchObject({
      kind: 'unstuck-bridge',
      dead: 'jobs:dead',
      takeFrom: 'right',
      batch: 100,
      everyMs: 5_000,
      leaseMs: 10_000,
      lateMs: 300_000,
      lost: undefined,
    });
    expect(bridge.redis).toBe(redis);
    expect(JSON.stringify(bridge)).not.toContain('secret');
    expect(Object.isFrozen(bridge)).toBe(true);
    expect(
      defineBridge({ ...GOOD, every: '1h', id: () => '', lost: { query: 'select', every: '2s' } })
        .everyMs,
    ).toBe(2_000);
  });

  test.each<[string, object]>([
    ['name', { name: 'a b' }],
    ['list', { list: '' }],
    ['list', { list: 'a\0' }],
    ['dead', { dead: 'jobs' }],
    ['takeFrom', { takeFrom: 'middle' }],
    ['job', { job: 'mail' }],
    ['id', { id: 'id' }],
    ['at', { at: 7 }],
    ['batch', { batch: 0 }],
    ['batch', { batch: 1_001 }],
    ['every', { every: '0s' }],
    ['lease', { lease: '2h' }],
    ['lateAfter', { lateAfter: 'soon' }],
    ['id beside lost', { lost: { query: 'select 1' } }],
    ['query', { id: () => 1, lost: {} }],
    ['query', { id: () => 1, lost: { query: 'select 1', find: async () => [] } }],
  ])('refuses a wrong %s, and names it', (name, wrong) => {
    expect(() => defineBridge({ ...GOOD, ...wrong } as never)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(name) }),
    );
  });

  test('refuses options that it does not know', () => {
    expect(() => defineBridge({ ...GOOD, lists: 'x' } as never)).toThrow(
      expect.objectContaining({ code: 'OPTION_UNKNOWN' }),
    );
  });

  test.each([
    '',
    'host:6379',
    'http://host',
    'redis://',
    'redis://u:secret@[bad',
    'redis://u:sec%zzret@host',
    'redis://host/jobs',
  ])('refuses the address %s without repeating it', (redis) => {
    const refused = (): unknown => defineBridge({ ...GOOD, redis });
    expect(refused).toThrow(expect.objectContaining({ code: 'REDIS_URL_INVALID' }));
    expect(refused).not.toThrow(/secret/);
  });

  test('is found among the exports of a module, and jobs beside it', () => {
    const bridge = defineBridge(GOOD);
    const exports = { bridge, all: [bridge, job], other: 7 };
    expect(findBridges(exports)).toEqual([bridge]);
    expect(findDefinitions(exports)).toEqual([job]);
  });
});

describe('a message', () => {
  const named = defineBridge<{ id?: unknown }>({
    ...(GOOD as BridgeOptions<{ id?: unknown }>),
    id: ({ id }) => id as string,
  });

  test('has the id that its bridge says: texts, numbers, or none', () => {
    const id = (text: string): string | undefined => readMessage(named, bytes(text)).id;
    expect([id('{"id":"a"}'), id('{"id":7}'), id('{"id":null}'), id('{}')]).toEqual([
      'a',
      '7',
      undefined,
      undefined,
    ]);
    for (const wrong of [
      '{"id":""}',
      '{"id":{}}',
      '{"id":"a\\u0000"}',
      `{"id":"${'x'.repeat(1_001)}"}`,
      'null',
    ])
      expect(() => readMessage(named, bytes(wrong))).toThrow(
        expect.objectContaining({ code: 'MESSAGE_INVALID' }),
      );
    expect(idOfMessage(named, bytes('not json'))).toBeUndefined();
  });

  test('must mean a job', () => {
    const meant = (answer: unknown): unknown =>
      readMessage(defineBridge({ ...GOOD, job: (() => answer) as never }), bytes('{}'));
    for (const wrong of [undefined, null, {}, { type: 7 }, 'mail'])
      expect(() => meant(wrong)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
    expect(meant({ type: 'mail', input: 1 })).toMatchObject({ type: 'mail', input: 1 });
  });

  test.each<[string, number | undefined]>([
    ['{"sentAt":"2026-01-02T03:04:05Z"}', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['{"created_at":1767323045}', 1_767_323_045_000],
    ['{"timestamp":1767323045123}', 1_767_323_045_123],
    ['{"sentAt":"soon","createdAt":1767323045}', 1_767_323_045_000],
    ['{"sentAt":{}}', undefined],
    ['7', undefined],
    ['null', undefined],
    ['{', undefined],
  ])('%s was sent at %s', (text, ms) => {
    expect(timeOfMessage(defineBridge(GOOD), bytes(text))).toBe(ms);
  });

  test('of one id is one job id, a UUID of version 8 in lane 0; of another id or bridge it is another', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (bridge, id) => {
        const made = jobIdOf(bridge, id);
        expect(parseJobId(made)).toBe(made);
        expect(made).toMatch(/^.{14}8.{4}[89ab].{14}00$/);
        expect(jobIdOf(bridge, id)).toBe(made);
        expect(jobIdOf(bridge, `${id}x`)).not.toBe(made);
        expect(jobIdOf(`${bridge}x`, id)).not.toBe(made);
      }),
    );
  });
});

describe('a dead entry', () => {
  const why = { bridge: 'mails', code: 'MESSAGE_INVALID', reason: 'because' };
  const whole = (raw: Uint8Array, more = {}): Buffer =>
    bytes(`${deadEntry(raw, { ...why, ...more })},"dead_at_ms":5}`);

  test('holds any message byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (raw) => {
        expect(messageOfEntry(whole(raw)).equals(Buffer.from(raw))).toBe(true);
      }),
    );
  });

  test('says why, since when, and for which row; one of another program says nothing', () => {
    const entry = whole(bytes('x'), { rowId: 'o7' });
    expect(toDeadMessage(entry, 3)).toEqual({
      position: 3,
      digest: digestOfEntry(entry),
      message: 'x',
      encoding: 'text',
      bytes: 1,
      code: 'MESSAGE_INVALID',
      reason: 'because',
      deadAt: new Date(5),
    });
    expect([timeOfEntry(entry), rowIdOfEntry(entry)]).toEqual([5, 'o7']);
    for (const other of ['x', '{"unstuck":1}', 'null', '[]']) {
      expect(messageOfEntry(bytes(other)).toString()).toBe(other);
      expect(toDeadMessage(bytes(other), 0)).toMatchObject({
        message: other,
        code: null,
        reason: null,
        deadAt: null,
      });
    }
  });
});

test('what people see of an address has neither user nor password', () => {
  const url = 'redis://ann:p%40ss@host:6380/3?x=1';
  expect(redisPlace(url)).toBe('redis://host:6380/3');
  expect(withoutCredentials(`no ${url} p@ss p%40ss ann`, url)).toBe('no … … … …');
});
