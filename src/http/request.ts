/** Request: reads the parts of a request and checks them against the schemas of its route. */
import type { z } from 'zod';
import { unstuckError } from '../domain/errors.ts';
import { issueText } from '../domain/issues.ts';
import { isNestedDeeper, parseJson } from '../domain/json.ts';
import type { Route } from './route.ts';

const ISSUES_MAX = 10;
/** An issue quotes what was sent, such as the name of an unknown field, which may be as large as the body. */
const ISSUE_MAX = 500;
/** Above the deepest that an input may be by configuration (1,000), so that what is within it is refused as an input. */
const DEPTH_MAX = 1_100;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

type Part = 'path' | 'query' | 'body';

const UNKNOWN: Readonly<Record<Part, string>> = {
  path: 'there is no such parameter',
  query: 'there is no such parameter',
  body: 'there is no such field',
};

/** The checked parts of a request. */
export interface Parts {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** Reads and checks; throws REQUEST_INVALID, REQUEST_TOO_LARGE, MEDIA_TYPE_UNSUPPORTED or INPUT_UNSTORABLE. Nothing has been done then. */
export async function readParts(
  route: Route,
  request: Request,
  { params, bytesMax }: { readonly params: Record<string, string>; readonly bytesMax: number },
): Promise<Parts> {
  const query = request.url.includes('?') ? queryOf(new URL(request.url).searchParams) : {};
  return {
    params: check('path', route.params, params),
    query: check('query', route.query, query),
    body:
      route.body === undefined
        ? undefined
        : check('body', route.body, await readJson(request, bytesMax)),
  };
}

/** A parameter that is given once is a text, one that is repeated a list. */
function queryOf(search: URLSearchParams): Record<string, string | string[]> {
  return Object.fromEntries(
    [...new Set(search.keys())].map((name) => {
      const values = search.getAll(name);
      return [name, values.length === 1 ? (values[0] as string) : values];
    }),
  );
}

function check(part: Part, schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) {
    const [name] = Object.keys(value as object);
    if (part !== 'query' || name === undefined) return undefined;
    throw invalid(part, [issueText([name], UNKNOWN[part])]);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(
    part,
    parsed.error.issues
      .flatMap((issue) => inWords(part, issue))
      .slice(0, ISSUES_MAX)
      .map((words) => words.slice(0, 2 * ISSUE_MAX)),
  );
}

/** Every field that is not known is an issue of its own, so that its pointer names it. */
function inWords(part: Part, issue: z.core.$ZodIssue): string[] {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => issueText([...path, key], UNKNOWN[part]));
  return [issueText(path, message.endsWith('received undefined') ? 'is missing' : message)];
}

function invalid(part: string, issues: readonly string[]): Error {
  return unstuckError(
    'REQUEST_INVALID',
    `The ${part} of the request is not what this route takes. ${issues.join('; ')}. Nothing was changed.`,
    { detail: { issues } },
  );
}

/** An empty body reads as `{}`, so that a change without options needs none. */
async function readJson(request: Request, bytesMax: number): Promise<unknown> {
  const bytes = await readBytes(request, bytesMax);
  if (bytes.byteLength === 0 && !request.headers.has('content-type')) return {};
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw unstuckError(
      'MEDIA_TYPE_UNSUPPORTED',
      `Expected content-type application/json, got ${type === '' ? 'none' : JSON.stringify(type?.slice(0, 80))}.`,
    );
  }
  const text = decode(bytes);
  if (!isNestedDeeper(text, DEPTH_MAX)) return parseJson(text, 'the body');
  throw unstuckError(
    'REQUEST_INVALID',
    `Expected a body nested at most ${DEPTH_MAX} levels deep, got a deeper one. Nothing was changed.`,
  );
}

/**
 * Reads no further than `bytesMax`. Where the length is declared, the server of the connection holds the sender to it, and the body is read as a
 * whole: as a stream it cost more than all else of a request.
 */
async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  if (Number(declared ?? 0) > bytesMax) throw tooLarge(bytesMax);
  if (declared !== null) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.byteLength > bytesMax) throw tooLarge(bytesMax);
    return bytes;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): Error {
  return unstuckError(
    'REQUEST_TOO_LARGE',
    `Expected a body of at most ${bytesMax} bytes, got a larger one. Nothing was changed.`,
    { detail: { bytes_max: bytesMax } },
  );
}

/** Bytes that are no UTF-8 would otherwise become other characters without a word. */
function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw unstuckError('REQUEST_INVALID', 'Expected the body to be UTF-8, got other bytes.', {
      cause,
    });
  }
}
