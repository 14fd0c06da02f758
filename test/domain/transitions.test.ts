// The laws of the state machine as data: every end is reachable, ends are left only by retry, and the SQL guards say the same.
import { expect, test } from 'vitest';
import { nextInWords } from '../../src/domain/next.ts';
import {
  allows,
  END_STATES,
  STATES,
  TRANSITIONS,
  type Verb,
} from '../../src/domain/transitions.ts';
import { from } from '../../src/sql/guards.ts';

const verbs = Object.keys(TRANSITIONS) as Verb[];
const isEnd = (state: string): boolean => (END_STATES as readonly string[]).includes(state);

test('every live state can reach an end', () => {
  const ends = new Set<string>(END_STATES);
  for (let round = 0; round < STATES.length; round += 1)
    for (const verb of verbs)
      if (TRANSITIONS[verb].to.some((to) => ends.has(to)))
        for (const state of TRANSITIONS[verb].from) ends.add(state);
  expect([...ends].toSorted()).toEqual([...STATES].toSorted());
});

test('D8: an end is left by retry only, unless the job is removed', () => {
  for (const verb of verbs)
    if (TRANSITIONS[verb].from.some(isEnd) && TRANSITIONS[verb].to.length > 0)
      expect(verb).toBe('retry');
});

test('D1: only verbs that name the token may end or defer what a worker runs, but for a person and the quarantine', () => {
  for (const verb of verbs) {
    const { from: states, needsToken } = TRANSITIONS[verb];
    if ((states as readonly string[]).includes('running'))
      expect(needsToken || ['cancel', 'reset', 'quarantine'].includes(verb), verb).toBe(true);
  }
});

test('F4: a job can be cancelled in every live state and in no finished one', () => {
  expect(STATES.filter((state) => allows('cancel', state))).toEqual([
    'pending',
    'queued',
    'running',
  ]);
});

test('S3.4: what runs is never removed', () => {
  expect(STATES.filter((state) => !allows('delete', state))).toEqual(['running']);
});

test('every live state has a verb of the sweep or a worker, so that it never depends on a person alone', () => {
  for (const state of STATES.filter((one) => !isEnd(one)))
    expect(verbs.some((verb) => allows(verb, state) && TRANSITIONS[verb].by !== 'person')).toBe(
      true,
    );
});

test('every verb has a guard in SQL', () => {
  for (const verb of verbs) if (verb !== 'retry') expect(from(verb).text).toMatch(/true|j\./);
});

test('every state says what happens next', () => {
  const facts = { attempt: 1, attemptsMax: 5, crashes: 0 };
  for (const state of STATES)
    expect(nextInWords(state, state === 'pending' ? 'retry' : null, facts).length).toBeGreaterThan(
      10,
    );
  expect(nextInWords('queued', 'worker', { ...facts, crashes: 1 })).toContain('alone');
  expect(nextInWords('running', 'lease', { ...facts, attempt: 5 })).toContain('last attempt');
});
