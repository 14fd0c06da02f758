// Splits TypeScript text into code, comments and strings, so that a law never mistakes one for the other.

/** A stretch of source text; `text` of a string or template is without its quotes. */
export interface Piece {
  readonly kind: 'code' | 'line-comment' | 'block-comment' | 'string' | 'template' | 'regexp';
  readonly text: string;
  /** Line on which it begins, from 1. */
  readonly line: number;
}

/** Scans a whole file. Expressions inside a template are scanned as code between two template pieces. */
export function scanSource(source: string): readonly Piece[] {
  const pieces: Piece[] = [];
  // How many braces are open in the code of each enclosing `${`; empty outside templates.
  const openBraces: number[] = [];
  let at = 0;
  let line = 1;
  let code = '';

  while (at < source.length) {
    const match = nextToken(source, at, code, openBraces);
    if (match === undefined) {
      code += source[at] ?? '';
      countBrace(source[at], openBraces);
      at += 1;
      continue;
    }
    push('code', code, 0);
    push(match.kind, source.slice(at + match.open, at + match.length - match.close), match.length);
    at += match.length;
    if (match.opensCode) openBraces.push(0);
    else if (match.closesCode) openBraces.pop();
  }
  push('code', code, 0);
  return pieces;

  function push(kind: Piece['kind'], text: string, length: number): void {
    if (kind !== 'code' || text !== '') pieces.push({ kind, text, line });
    const consumed = kind === 'code' ? text : source.slice(at, at + length);
    line += consumed.split('\n').length - 1;
    code = '';
  }
}

interface Token {
  readonly kind: Exclude<Piece['kind'], 'code'>;
  readonly length: number;
  /** Characters of the opening and closing quote that are not part of the text. */
  readonly open: number;
  readonly close: number;
  readonly opensCode?: boolean;
  readonly closesCode?: boolean;
}

const PLAIN: readonly (readonly [Token['kind'], RegExp, number, number])[] = [
  ['line-comment', /(?:\/\/|^#!)[^\n]*/y, 2, 0],
  ['block-comment', /\/\*[^]*?\*\//y, 2, 2],
  ['string', /'(?:[^'\\\n]|\\[^])*'/y, 1, 1],
  ['string', /"(?:[^"\\\n]|\\[^])*"/y, 1, 1],
];
const REGEXP = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
// A division follows a value; anything else, or one of these words, is followed by a regular expression.
const BEFORE_REGEXP =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|throw|delete|yield|await|else|do))\s*$/;
const TEMPLATE = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{)/y;

function nextToken(
  source: string,
  at: number,
  before: string,
  openBraces: readonly number[],
): Token | undefined {
  if (!/['"`/}#]/.test(source[at] ?? '')) return undefined;
  for (const [kind, pattern, open, close] of PLAIN) {
    const found = matchAt(pattern, source, at);
    if (found !== undefined) return { kind, length: found.length, open, close };
  }
  const continues = source[at] === '}' && openBraces.at(-1) === 0;
  if (source[at] === '`' || continues) return templatePart(source, at, continues);
  const regexp = BEFORE_REGEXP.test(before.slice(-40)) ? matchAt(REGEXP, source, at) : undefined;
  return regexp === undefined
    ? undefined
    : { kind: 'regexp', length: regexp.length, open: 0, close: 0 };
}

function templatePart(source: string, at: number, continues: boolean): Token {
  const found = matchAt(TEMPLATE, source, at + 1);
  if (found === undefined)
    throw new Error('Expected a closing backtick, found the end of the file.');
  const opensCode = found.endsWith('${');
  return {
    kind: 'template',
    length: found.length + 1,
    open: 1,
    close: opensCode ? 2 : 1,
    opensCode: opensCode && !continues,
    closesCode: continues && !opensCode,
  };
}

function matchAt(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function countBrace(character: string | undefined, openBraces: number[]): void {
  const depth = openBraces.at(-1);
  if (depth === undefined) return;
  if (character === '{') openBraces[openBraces.length - 1] = depth + 1;
  if (character === '}') openBraces[openBraces.length - 1] = depth - 1;
}
