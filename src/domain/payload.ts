/** Payloads: which values JSON in PostgreSQL keeps exactly, and the text that is sent for them. */

/** Limits of one payload. */
export interface PayloadLimits {
  readonly bytesMax: number;
  readonly depthMax: number;
}

/** Either the JSON text, or where and why the value cannot be kept. */
export type Encoded =
  | { readonly json: string }
  | { readonly problem: string; readonly path: string; readonly tooLarge: boolean };

/**
 * Encodes a value as JSON text, or says where it would not survive a round trip through jsonb: NUL (22P05), lone surrogates
 * (22P02), numbers that JSON changes (NaN, Infinity, -0), bigint, functions, symbols, cycles, depth and size.
 */
export function encodePayload(value: unknown, limits: PayloadLimits): Encoded {
  try {
    return encode(value, limits);
  } catch {
    // A getter or a proxy of the value threw.
    return problem('', 'cannot be read: reading it throws');
  }
}

function encode(value: unknown, limits: PayloadLimits): Encoded {
  const found = firstProblem(value, '', 0, limits.depthMax, []);
  if (found !== undefined) return found;
  const json = JSON.stringify(value) ?? 'null';
  if (json.length <= limits.bytesMax && Buffer.byteLength(json) <= limits.bytesMax) return { json };
  return {
    problem: `is ${Buffer.byteLength(json)} bytes of JSON, more than ${limits.bytesMax}`,
    path: '/',
    tooLarge: true,
  };
}

/** Replaces what PostgreSQL text cannot hold: NUL is dropped, a lone surrogate becomes U+FFFD. */
export function toStorableText(text: string): string {
  return text.replaceAll('\0', '').replace(LONE_SURROGATE, '\uFFFD');
}

/** Makes a text storable and at most so many UTF-16 units long; of a longer one the last is `…`, and no pair is halved. */
export function cutText(text: string, max: number): string {
  const whole = toStorableText(text);
  return whole.length <= max ? whole : `${toStorableText(whole.slice(0, max - 1))}…`;
}

/** Tells whether PostgreSQL text keeps this string exactly. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

type Problem = Extract<Encoded, { problem: string }>;

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

function firstProblem(
  value: unknown,
  path: string,
  depth: number,
  depthMax: number,
  above: object[],
): Problem | undefined {
  switch (typeof value) {
    case 'string':
      return isStorableText(value) ? undefined : problem(path, 'holds NUL or a lone surrogate');
    case 'number':
      return numberProblem(value, path);
    case 'boolean':
    case 'undefined': // A property that is undefined is simply absent; in a list it is refused below.
      return undefined;
    case 'object':
      return value === null ? undefined : objectProblem(value, path, depth, depthMax, above);
    default:
      return problem(path, `is a ${typeof value}, which JSON cannot hold`);
  }
}

function numberProblem(value: number, path: string): Problem | undefined {
  if (!Number.isFinite(value)) return problem(path, `is ${value}, which JSON cannot hold`);
  if (Object.is(value, -0)) return problem(path, 'is -0, which JSON turns into 0');
  return undefined;
}

function objectProblem(
  value: object,
  path: string,
  depth: number,
  depthMax: number,
  above: object[],
): Problem | undefined {
  if (depth >= depthMax)
    return { ...problem(path, `is nested deeper than ${depthMax} levels`), tooLarge: true };
  if (above.includes(value)) return problem(path, 'contains itself');
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return jsonFormProblem(value, path, depth, depthMax, above);
  const list = Array.isArray(value);
  if (!list && Object.getPrototypeOf(value) !== Object.prototype) {
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    if (BOXES.has(kind)) return firstProblem(value.valueOf(), path, depth, depthMax, above);
    if (kind !== 'Object') return problem(path, `is a ${kind}, which JSON does not keep`);
  }
  above.push(value);
  const found = list
    ? inArray(value, path, depth, depthMax, above)
    : inRecord(value as Record<string, unknown>, path, depth, depthMax, above);
  above.pop();
  return found;
}

/** `new Number(NaN)` and the like: JSON unpacks them. */
const BOXES: ReadonlySet<string> = new Set(['Number', 'String', 'Boolean', 'BigInt', 'Symbol']);

function jsonFormProblem(
  value: object,
  path: string,
  depth: number,
  depthMax: number,
  above: object[],
): Problem | undefined {
  let form: unknown;
  try {
    form = (value as { toJSON(): unknown }).toJSON();
  } catch (error) {
    return problem(path, `cannot be turned into JSON: ${String(error)}`);
  }
  if (form === null && value instanceof Date) return problem(path, 'is an invalid Date');
  return firstProblem(form, path, depth + 1, depthMax, above);
}

function inArray(
  list: readonly unknown[],
  path: string,
  depth: number,
  depthMax: number,
  above: object[],
): Problem | undefined {
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index];
    if (item === undefined)
      return problem(`${path}/${index}`, 'is undefined in a list, which JSON turns into null');
    const found = firstProblem(item, `${path}/${index}`, depth + 1, depthMax, above);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inRecord(
  record: Record<string, unknown>,
  path: string,
  depth: number,
  depthMax: number,
  above: object[],
): Problem | undefined {
  for (const key of Object.keys(record)) {
    if (!isStorableText(key))
      return problem(`${path}/${toStorableText(key)}`, 'has a name with NUL or a lone surrogate');
    const found = firstProblem(record[key], `${path}/${key}`, depth + 1, depthMax, above);
    if (found !== undefined) return found;
  }
  return undefined;
}

function problem(path: string, text: string): Problem {
  return { problem: text, path: path === '' ? '/' : path, tooLarge: false };
}
