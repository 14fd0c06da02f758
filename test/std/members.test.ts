// The laws of members: as those of a set, whose members know their place.
import { expect, test } from 'vitest';
import { Members } from '../../src/std/members.ts';

interface One {
  readonly name: string;
  place: number;
}

const one = (name: string): One => ({ name, place: -1 });

test('whoever is added and not taken out is there once, whatever comes and goes', () => {
  const members = new Members<One>();
  const set = new Set<One>();
  const all = Array.from({ length: 20 }, (_, n) => one(`${n}`));
  let state = 7;
  for (let step = 0; step < 5_000; step += 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const item = all[(state >> 8) % all.length] as One;
    if (set.has(item)) members.delete(item);
    else members.add(item);
    if (!set.delete(item)) set.add(item);
    expect(members.size).toBe(set.size);
    expect(new Set(members.all())).toEqual(set);
  }
});

test('one that is no member is not taken out, and takes nobody out', () => {
  const members = new Members<One>();
  const [a, b] = [one('a'), one('b')];
  members.add(a);
  members.delete(b);
  members.delete(a);
  members.delete(a);
  expect(members.size).toBe(0);
  expect(a.place).toBe(-1);
});

test('all() is as it was when it was asked, and find() gives one or none', () => {
  const members = new Members<One>();
  const items = ['a', 'b', 'c'].map(one);
  for (const item of items) members.add(item);
  for (const item of members.all()) members.delete(item);
  expect(members.size).toBe(0);
  for (const item of items) members.add(item);
  expect(members.find(({ name }) => name === 'b')).toBe(items[1]);
  expect(members.find(({ name }) => name === 'd')).toBeUndefined();
});
