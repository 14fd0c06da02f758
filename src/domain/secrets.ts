/** Secrets: what must not be written into a log, taken out of the facts of a line by their names. */

const REDACTED = '[redacted]';
const DEPTH_MAX = 8;
/** Names without their separators: `apiKey`, `api_key` and `api-key` are one. */
const SECRET =
  /^(?:authorization|proxyauthorization|cookie|setcookie|credentials?|apikey|accesskey|privatekey|secretkey|.*(?:token|secret|password|passwd|passphrase))$/;
/** The token that fences an attempt is a count, and no secret. */
const FENCE = /^\d{1,19}$/;

/** Returns the facts without values whose names say that they are secret, at every depth; the given ones stay as they are. */
export function withoutSecrets(
  facts: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return copied(facts, new Map(), 0) as Record<string, unknown>;
}

/** Takes the password out of every address in a text. */
export function hidePasswords(text: string): string {
  return text
    .replaceAll(/(\w+:\/\/[^\s/@:]*):[^\s]*@/g, '$1@')
    .replaceAll(/([?&](?:ssl)?password)=[^\s&]*/gi, '$1=…');
}

/** Only lists and plain objects are looked into; a circle stays one. */
function copied(value: unknown, known: Map<object, object>, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return value;
  const before = known.get(value);
  if (before !== undefined) return before;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    known.set(value, list);
    for (const item of value) list.push(copied(item, known, depth + 1));
    return list;
  }
  if (!isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  known.set(value, copy);
  for (const [name, inner] of Object.entries(value))
    copy[name] = isSecret(name, inner) ? REDACTED : copied(inner, known, depth + 1);
  return copy;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isSecret(name: string, value: unknown): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return false;
  if (!SECRET.test(name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''))) return false;
  const isFence = typeof value === 'number' || (typeof value === 'string' && FENCE.test(value));
  return name.toLowerCase() !== 'token' || !isFence;
}
