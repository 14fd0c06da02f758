// Takes a post apart: the front matter between two lines of dashes, and the Markdown below it.

/** What an author says about a post. */
export interface FrontMatter {
  readonly title: string;
  /** ISO 8601: 2026-03-01. */
  readonly date: string;
  readonly tags: readonly string[];
}

/** A post in its two parts. */
export interface Draft extends FrontMatter {
  readonly body: string;
}

/** Why a text is no post: the line, and what was expected there. */
export class FrontMatterError extends Error {
  override readonly name = 'FrontMatterError';
}

const FENCE = '---';
const KNOWN: ReadonlySet<string> = new Set(['title', 'date', 'tags']);
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Parses a post. Throws FrontMatterError, with the number of the line that is wrong. */
export function parseDraft(text: string): Draft {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines[0]?.trimEnd() !== FENCE) throw wrong(1, `the line ${FENCE}`, lines[0]);
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === FENCE);
  if (end === -1) throw wrong(lines.length, `a second line ${FENCE}`, 'the end of the post');
  const fields = parseFields(lines.slice(1, end));
  return { ...checkFields(fields, end + 1), body: lines.slice(end + 1).join('\n') };
}

interface Field {
  readonly value: string;
  readonly line: number;
}

function parseFields(lines: readonly string[]): Map<string, Field> {
  const fields = new Map<string, Field>();
  for (const [index, text] of lines.entries()) {
    // The first line is the fence.
    const line = index + 2;
    if (text.trim() === '') continue;
    const [, name, value] = /^(\w+):\s+(.*\S)\s*$/.exec(text) ?? [];
    if (name === undefined || value === undefined) throw wrong(line, '`name: value`', text);
    if (!KNOWN.has(name)) throw wrong(line, `one of ${[...KNOWN].join(', ')}`, name);
    if (fields.has(name)) throw wrong(line, `${name} only once`, text);
    fields.set(name, { value: unquoted(value), line });
  }
  return fields;
}

function checkFields(fields: ReadonlyMap<string, Field>, end: number): FrontMatter {
  const title = fields.get('title');
  if (title === undefined) throw wrong(end, 'a title before it', 'none');
  const date = fields.get('date');
  if (date === undefined) throw wrong(end, 'a date before it', 'none');
  if (!isDate(date.value)) throw wrong(date.line, 'a date such as 2026-03-01', date.value);
  const tags = fields.get('tags')?.value.split(',') ?? [];
  return {
    title: title.value,
    date: date.value,
    tags: tags.map((tag) => tag.trim()).filter((tag) => tag !== ''),
  };
}

/** A day that the calendar has: 2026-02-30 is none. */
function isDate(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return DATE.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function unquoted(value: string): string {
  return /^"(.*)"$/.exec(value)?.[1] ?? value;
}

function wrong(line: number, expected: string, got: string | undefined): FrontMatterError {
  const shown = (got ?? 'nothing').slice(0, 80);
  return new FrontMatterError(`Line ${line}: expected ${expected}, got ${JSON.stringify(shown)}.`);
}
