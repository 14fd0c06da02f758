// The laws of tokens: their form, what a checksum finds, and what may be said of a new one.
import { describe, expect, test } from 'vitest';
import type { TokenSettings } from '../../src/domain/tokens.ts';
import {
  digestOf,
  makeToken,
  parseTokenSettings,
  readToken,
  withoutTokens,
} from '../../src/domain/tokens.ts';

const TOKEN = makeToken(new Uint8Array(8).fill(7), new Uint8Array(32).fill(255));

describe('the text', () => {
  test('has a name that scanners find, an id, 256 bits and a checksum', () => {
    expect(TOKEN).toMatch(/^unstuck_[0-9A-Za-z]{10}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
    expect(readToken(TOKEN)).toEqual({ id: TOKEN.slice(8, 18), digest: digestOf(TOKEN) });
  });

  test('the least and the greatest secret have the same length and are not the same', () => {
    const least = makeToken(new Uint8Array(8), new Uint8Array(32));
    const greatest = makeToken(new Uint8Array(8), new Uint8Array(32).fill(255));
    expect(least).toHaveLength(greatest.length);
    expect(least).not.toBe(greatest);
  });

  test('a character that is changed, lost, doubled or swapped is known without a query', () => {
    for (let at = 0; at < TOKEN.length; at += 1) {
      const [before, here, after] = [TOKEN.slice(0, at), TOKEN[at] as string, TOKEN.slice(at + 1)];
      const other = here === 'a' ? 'b' : 'a';
      const next = after[0] ?? '';
      const wrong = [before + other + after, before + after, before + here + here + after];
      if (next !== here && next !== '') wrong.push(before + next + here + after.slice(1));
      for (const text of wrong) expect(readToken(text), text).toBeUndefined();
    }
  });

  test.each(['', 'unstuck_', 'x'.repeat(5_000), `${TOKEN}\n`, ` ${TOKEN}`])(
    '%j is none',
    (text) => {
      expect(readToken(text)).toBeUndefined();
    },
  );

  test('is taken out of paths and messages', () => {
    expect(withoutTokens(`/v1/jobs/${TOKEN}/x?${TOKEN}`)).toBe('/v1/jobs/unstuck_…/x?unstuck_…');
  });
});

describe('a new token', () => {
  test('has a name, scopes in one order without repeats, and an end or none', () => {
    expect(parseTokenSettings({ name: 'ci', scopes: ['write', 'enqueue', 'write'] })).toEqual({
      name: 'ci',
      scopes: ['enqueue', 'write'],
      expiresMs: null,
    });
    expect(parseTokenSettings({ name: 'é', scopes: ['read'], expires: '90d' }).expiresMs).toBe(
      90 * 86_400_000,
    );
  });

  test.each<[string, unknown]>([
    ['no name', { scopes: ['read'] }],
    ['an empty name', { name: '', scopes: ['read'] }],
    ['a long name', { name: 'x'.repeat(101), scopes: ['read'] }],
    ['a control character', { name: 'a\nb', scopes: ['read'] }],
    ['NUL', { name: '\0', scopes: ['read'] }],
    ['half a character', { name: '\ud800', scopes: ['read'] }],
    ['no scopes', { name: 'a', scopes: [] }],
    ['another scope', { name: 'a', scopes: ['root'] }],
    ['a text as scopes', { name: 'a', scopes: 'read' }],
    ['a moment', { name: 'a', scopes: ['read'], expires: '59s' }],
    ['eleven years', { name: 'a', scopes: ['read'], expires: '3651d' }],
    ['words', { name: 'a', scopes: ['read'], expires: 'soon' }],
  ])('with %s is refused', (_what, settings) => {
    expect(() => parseTokenSettings(settings as TokenSettings)).toThrow(
      expect.objectContaining({ code: 'TOKEN_OPTIONS_INVALID' }),
    );
  });

  test('with an option that there is not is refused by its name', () => {
    expect(() =>
      parseTokenSettings({ name: 'a', scopes: ['read'], expire: '1d' } as TokenSettings),
    ).toThrow(/expire/);
  });
});
