// Whether an answer is one that the document promises.
import { isDeepStrictEqual } from 'node:util';
import { ERRORS } from '../../../src/domain/errors.ts';
import type { Operation } from './operations.ts';

/** What is wrong with an answer, in words; undefined when it is as the document says. */
export function misfit(
  { statuses, route }: Operation,
  response: Response,
  text: string,
): string | undefined {
  const { status } = response;
  const type = response.headers.get('content-type') ?? '';
  if (status >= 500) return `status ${status}: ${text.slice(0, 300)}`;
  if (status >= 400 && ![404, 405, 414, 431].includes(status) && !statuses.includes(status))
    return `status ${status} is not in the document: ${text.slice(0, 300)}`;
  if (status >= 400) return problemMisfit(status, type, text);
  if (!statuses.includes(status)) return `status ${status} is not in the document`;
  const schema = route.answers[status]?.schema;
  if (schema === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    return `${status} does not fit its schema: ${parsed.error.message.slice(0, 500)}`;
  // Parsing drops what the schema does not name.
  if (!isDeepStrictEqual(parsed.data, value))
    return `${status} has fields that its schema does not name: ${text.slice(0, 500)}`;
  return undefined;
}

function problemMisfit(status: number, type: string, text: string): string | undefined {
  if (!type.startsWith('application/problem+json')) return `${status} is a ${type}`;
  const { code, status: told, hint, detail } = JSON.parse(text) as Record<string, unknown>;
  const entry = ERRORS[code as keyof typeof ERRORS] as { status: number } | undefined;
  if (entry?.status !== status || told !== status) return `${String(code)} is told with ${status}`;
  return typeof hint === 'string' && typeof detail === 'string'
    ? undefined
    : `${String(code)} has no words`;
}
