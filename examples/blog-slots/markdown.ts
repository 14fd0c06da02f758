// Renders Markdown that strangers have written: no HTML of theirs, no script behind a link, an anchor at each heading.
import { Marked, type Tokens } from 'marked';

/** A heading of a post, with the anchor that leads to it. */
export interface Heading {
  readonly depth: number;
  readonly text: string;
  readonly anchor: string;
}

/** A rendered text. */
export interface Rendered {
  readonly html: string;
  readonly headings: readonly Heading[];
  readonly words: number;
  /** At 220 words a minute; at least 1. */
  readonly readingMinutes: number;
}

const WORDS_PER_MINUTE = 220;
const SAFE_LINK = /^(https?:|mailto:|[#/.]|[\w-]+(\.|\/|$))/i;

/** Renders a text; the same one always to the same HTML. */
export function renderMarkdown(text: string): Rendered {
  const headings: Heading[] = [];
  const taken = new Map<string, number>();
  const marked = new Marked({
    gfm: true,
    renderer: {
      html: ({ text: raw }) => escaped(raw),
      link: linkOrText,
      image: imageOrText,
      heading(token) {
        const plain = plainText(token);
        const anchor = freeAnchor(plain, taken);
        headings.push({ depth: token.depth, text: plain, anchor });
        const inner = this.parser.parseInline(token.tokens);
        return `<h${token.depth} id="${anchor}">${inner}</h${token.depth}>\n`;
      },
    },
  });
  const html = marked.parse(text, { async: false });
  const words = countWords(html);
  const readingMinutes = Math.max(1, Math.ceil(words / WORDS_PER_MINUTE));
  return { html, headings, words, readingMinutes };
}

/** False lets the renderer go on as it would have: only what is dangerous is answered here. */
function linkOrText(token: Tokens.Link): string | false {
  return SAFE_LINK.test(token.href.trim()) ? false : escaped(token.text);
}

function imageOrText(token: Tokens.Image): string | false {
  return SAFE_LINK.test(token.href.trim()) ? false : escaped(token.text);
}

function plainText({ text }: Tokens.Heading): string {
  return text.replaceAll(/[*_`~]|!?\[([^\]]*)\]\([^)]*\)/g, '$1').trim();
}

function freeAnchor(heading: string, taken: Map<string, number>): string {
  const words = heading.toLowerCase().normalize('NFD').replaceAll(/\p{M}/gu, '');
  const anchor = words.replaceAll(/[^\p{L}\p{N}]+/gu, '-').replaceAll(/^-|-$/g, '') || 'section';
  const times = taken.get(anchor) ?? 0;
  taken.set(anchor, times + 1);
  return times === 0 ? anchor : `${anchor}-${times + 1}`;
}

function countWords(html: string): number {
  const text = html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/&\w+;|&#\d+;/g, ' ');
  return text.match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu)?.length ?? 0;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
