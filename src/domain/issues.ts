/** Issues: what is wrong in a value, as one text with the place by a JSON pointer (RFC 6901) and what was expected there. */

const PART_MAX = 80;

/** What is wrong, and where; the empty pointer is the whole value. */
export interface Issue {
  readonly pointer: string;
  readonly detail: string;
}

/** Writes an issue: `/pointer: detail`, of the whole value the detail alone. Names of more than 80 characters are cut. */
export function issueText(path: readonly PropertyKey[], detail: string): string {
  const pointer = path.map((part) => `/${escaped(String(part).slice(0, PART_MAX))}`).join('');
  return pointer === '' ? detail : `${pointer}: ${detail}`;
}

/** Reads what `issueText` has written. */
export function readIssue(text: string): Issue {
  const colon = text.startsWith('/') ? text.indexOf(': ') : -1;
  if (colon === -1) return { pointer: '', detail: text };
  return { pointer: text.slice(0, colon), detail: text.slice(colon + 2) };
}

function escaped(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}
