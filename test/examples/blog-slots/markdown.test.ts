// The laws of the renderer: real Markdown in, HTML out in which nothing of a stranger runs.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDraft } from '../../../examples/blog-slots/front-matter.ts';
import { renderMarkdown } from '../../../examples/blog-slots/markdown.ts';
import { readPost, SLUGS } from '../../../examples/blog-slots/posts.ts';

const html = (text: string): string => renderMarkdown(text).html;

describe('Markdown', () => {
  test('tables, task lists, strikethrough and fenced code become HTML', () => {
    expect(html('| a | b |\n| - | - |\n| 1 | 2 |')).toContain('<td>1</td>');
    expect(html('- [x] done')).toContain('type="checkbox"');
    expect(html('~~no~~ **yes** *maybe*')).toBe(
      '<p><del>no</del> <strong>yes</strong> <em>maybe</em></p>\n',
    );
    expect(html('```ts\na < b\n```')).toBe(
      '<pre><code class="language-ts">a &lt; b\n</code></pre>\n',
    );
  });

  test('the posts of the example are rendered, each to the same HTML every time', async () => {
    for (const slug of SLUGS) {
      const { body } = parseDraft(await readPost(slug));
      const once = renderMarkdown(body);
      expect(once.headings.length).toBeGreaterThan(1);
      expect(once.words).toBeGreaterThan(50);
      expect(renderMarkdown(body)).toEqual(once);
    }
  });

  test('every heading has an anchor of its own, which its HTML has too', () => {
    const { headings, html: text } = renderMarkdown(
      '# Über *uns*\n\n## Slots\n\n## Slots\n\n## ???\n\n## [Linked](/x)',
    );
    expect(headings).toEqual([
      { depth: 1, text: 'Über uns', anchor: 'uber-uns' },
      { depth: 2, text: 'Slots', anchor: 'slots' },
      { depth: 2, text: 'Slots', anchor: 'slots-2' },
      { depth: 2, text: '???', anchor: 'section' },
      { depth: 2, text: 'Linked', anchor: 'linked' },
    ]);
    for (const { anchor } of headings) expect(text).toContain(`id="${anchor}"`);
  });

  test('words are counted without marks and tags, and reading takes at least a minute', () => {
    expect(renderMarkdown('one **two** [three](/four) don’t & `five`')).toMatchObject({ words: 5 });
    expect(renderMarkdown('').readingMinutes).toBe(1);
    expect(renderMarkdown('word '.repeat(500)).readingMinutes).toBe(3);
  });
});

describe('what strangers send', () => {
  test.each([
    '<script>alert(1)</script>',
    'text <img src=x onerror=alert(1)> text',
    '<a href="javascript:alert(1)">x</a>',
    '# <b onclick=alert(1)>heading</b>',
    '- <iframe src="/x"></iframe>',
  ])('HTML is shown as text: %s', (text) => {
    expect(html(text)).not.toMatch(/<(script|img|a|b|iframe)\b/);
    expect(html(text)).toContain('&lt;');
  });

  test.each([
    '[x](javascript:alert(1))',
    '[x](JavaScript:alert(1))',
    '[x](<java\tscript:alert(1)>)',
    '[x](&#106;avascript:alert(1))',
    '[x](data:text/html,hello)',
    '[x](vbscript:x)',
    '[x][1]\n\n[1]: javascript:alert(1)',
    '![x](javascript:alert(1))',
    '<javascript:alert(1)>',
  ])('a link that could run something leads nowhere: %s', (text) => {
    expect(html(text)).not.toMatch(/(href|src)="(?!https?:)/);
  });

  test.each([
    'https://example.com/?a=1',
    'mailto:a@example.com',
    '/posts',
    '#top',
    'next-post',
    './a.md',
  ])('an ordinary link stays: %s', (target) => {
    expect(html(`[x](${target})`)).toBe(`<p><a href="${target}">x</a></p>\n`);
  });

  test('no text whatever lets a tag through that Markdown has no mark for', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '&',
      '`',
      '*',
      '[',
      '](',
      ')',
      '\n',
      ' ',
      'script',
      'on=',
      '#',
      '!',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(html(pieces.join(''))).not.toMatch(/<\/?(script|iframe|style|svg)\b/i);
      }),
    );
  });
});
