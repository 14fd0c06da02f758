// The laws of a post's two parts: what is written above comes out, and what is wrong is said with its line.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrontMatterError, parseDraft } from '../../../examples/blog-slots/front-matter.ts';
import { BROKEN, readPost, SLUGS } from '../../../examples/blog-slots/posts.ts';

describe('front matter', () => {
  test('title, date and tags come out, and the body below as it stands', () => {
    const text = '---\ntitle: "Slots: a row"\ndate: 2026-03-09\ntags: a, b,\n---\n\n# Hi\n---\nend';
    expect(parseDraft(text)).toEqual({
      title: 'Slots: a row',
      date: '2026-03-09',
      tags: ['a', 'b'],
      body: '\n# Hi\n---\nend',
    });
  });

  test('tags may be left out; a byte order mark and the line ends of Windows change nothing', () => {
    const draft = parseDraft('\uFEFF---\r\ntitle: T\r\ndate: 2024-02-29\r\n---\r\nbody\r\n');
    expect(draft).toEqual({ title: 'T', date: '2024-02-29', tags: [], body: 'body\n' });
  });

  test.each([
    ['', 'Line 1: expected the line ---, got "".'],
    ['title: T', 'Line 1: expected the line ---, got "title: T".'],
    ['---\ntitle: T', 'Line 2: expected a second line ---, got "the end of the post".'],
    ['---\ntitle\n---', 'Line 2: expected `name: value`, got "title".'],
    ['---\ntitle:\n---', 'Line 2: expected `name: value`, got "title:".'],
    ['---\nauthor: A\n---', 'Line 2: expected one of title, date, tags, got "author".'],
    ['---\ntitle: A\ntitle: B\n---', 'Line 3: expected title only once, got "title: B".'],
    ['---\ndate: 2026-01-01\n---', 'Line 3: expected a title before it, got "none".'],
    ['---\ntitle: A\n---', 'Line 3: expected a date before it, got "none".'],
    ['---\ntitle: A\ndate: 2026-02-30\n---', 'Line 3: expected a date such as 2026-03-01, got'],
    ['---\ntitle: A\ndate: soon\n---', 'Line 3: expected a date such as 2026-03-01, got "soon".'],
  ])('%j is refused with its line', (text, message) => {
    expect(() => parseDraft(text)).toThrow(FrontMatterError);
    expect(() => parseDraft(text)).toThrow(message);
  });

  test('any text either is a post or is refused as none', () => {
    const line = fc.constantFrom(
      '---',
      'title: T',
      'date: 2026-01-01',
      'tags: x',
      '',
      '# H',
      'x: y',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        try {
          expect(parseDraft(lines.join('\n'))).toMatchObject({ title: 'T', date: '2026-01-01' });
        } catch (error) {
          expect(error).toBeInstanceOf(FrontMatterError);
        }
      }),
    );
  });

  test('the posts of the example are posts, the broken one is not', async () => {
    for (const slug of SLUGS) expect(parseDraft(await readPost(slug)).title).not.toBe('');
    const broken = await readPost(BROKEN);
    expect(() => parseDraft(broken)).toThrow('Line 3: expected a date');
  });
});
