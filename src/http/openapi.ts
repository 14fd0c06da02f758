/** OpenAPI: the document of the API, made from the schemas that check it. */
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../domain/errors.ts';
import { SCOPE_MEANINGS, SCOPES } from '../domain/scopes.ts';
import { VERSION } from '../domain/version.ts';
import type { Route } from './route.ts';
import { problem } from './schema/problem.ts';

/** A JSON value of the document. */
type Json = Record<string, unknown>;

/** Codes that every route but the open ones may answer. */
const COMMON: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'HOST_REFUSED',
  'SCOPE_MISSING',
  'DATABASE_UNREACHABLE',
  'QUERY_TIMEOUT',
];
/** Codes that even the open ones may answer. */
const EVERYWHERE: readonly ErrorCode[] = [
  'REQUEST_INVALID',
  'TOKEN_IN_URL',
  'URL_TOO_LONG',
  'ORIGIN_REFUSED',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
];
const WITH_BODY: readonly ErrorCode[] = [
  'REQUEST_TIMEOUT',
  'REQUEST_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
  'INPUT_UNSTORABLE',
];
const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'A repeat of the request with the same key within 24 hours changes nothing, and is answered as the first one was, with the header `Idempotency-Replayed: true`.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
};
const IDEMPOTENT: readonly ErrorCode[] = ['IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_FLIGHT'];
const REF = '#/components/schemas/';

/** Makes the document of these routes, as they are mounted below `prefix`. */
export function openApi(routes: readonly Route[], prefix = ''): Json {
  const components = new Map<string, Json>();
  const shapeOf = (schema: z.ZodType, io: 'input' | 'output'): Json =>
    jsonSchema(schema, io, components);
  const problemShape = shapeOf(problem, 'output');
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: operation(route, shapeOf, problemShape),
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Unstuck',
      version: VERSION,
      summary: 'A job queue in PostgreSQL whose jobs cannot get stuck.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: prefix === '' ? '/' : prefix }],
    security: [{ token: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: `A token of this server. Its scopes: ${SCOPES.map((scope) => `${scope} (${SCOPE_MEANINGS[scope]})`).join('; ')}.`,
        },
        callback: {
          type: 'http',
          scheme: 'bearer',
          description:
            'What a remote worker was given with an attempt (`callback.authorization`): it tells of this attempt, and does nothing else.',
        },
      },
      schemas: Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

type ShapeOf = (schema: z.ZodType, io: 'input' | 'output') => Json;

function operation(route: Route, shapeOf: ShapeOf, problemShape: Json): Json {
  const { id, tag, summary, about, scope, body, long, callback } = route;
  const parameters = [
    ...parametersOf('path', route.params, shapeOf),
    ...parametersOf('query', route.query, shapeOf),
    ...(route.idempotent === true ? [IDEMPOTENCY_KEY] : []),
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(about === undefined ? {} : { description: about }),
    ...(scope === 'open' ? { security: [] } : { 'x-scope': scope }),
    ...(callback === true ? { security: [{ token: [] }, { callback: [] }] } : {}),
    ...(long === true ? { 'x-long': true } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse({}).success,
            content: { 'application/json': { schema: shapeOf(body, 'input') } },
          },
        }),
    responses: { ...answersOf(route, shapeOf), ...problemsOf(route, problemShape) },
  };
}

function parametersOf(
  where: 'path' | 'query',
  schema: z.ZodType | undefined,
  shapeOf: ShapeOf,
): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = shapeOf(schema, 'output') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...shape }]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: shape,
  }));
}

function answersOf(route: Route, shapeOf: ShapeOf): Json {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { about, schema, media = 'application/json' }]) => [
      status,
      {
        description: about,
        ...(status === '204'
          ? {}
          : {
              content: {
                [media]: schema === undefined ? {} : { schema: shapeOf(schema, 'output') },
              },
            }),
      },
    ]),
  );
}

/** The problems of a route by status, each naming the codes with which it comes. */
function problemsOf({ scope, body, idempotent, errors = [] }: Route, problemShape: Json): Json {
  const codes = [
    ...errors,
    ...(scope === 'open' ? [] : COMMON),
    ...EVERYWHERE,
    ...(body === undefined ? [] : WITH_BODY),
    ...(idempotent === true ? IDEMPOTENT : []),
  ];
  const statuses = [...new Set(codes.map((code) => ERRORS[code].status))].toSorted((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: [...new Set(codes)]
          .filter((code) => ERRORS[code].status === status)
          .map((code) => `\`${code}\`: ${ERRORS[code].meaning}`)
          .join('\n\n'),
        content: { 'application/problem+json': { schema: problemShape } },
      },
    ]),
  );
}

/** The JSON Schema of a schema; shapes that have an `id` go to the components, and are referred to. */
function jsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  components: Map<string, Json>,
): Json {
  const {
    $schema: _dialect,
    $defs = {},
    ...shape
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema: made }) => void delete made['~standard'],
  }) as Json & { $defs?: Record<string, Json> };
  const id = shape['id'];
  for (const [name, defined] of Object.entries($defs))
    components.set(name, referring(defined) as Json);
  if (typeof id !== 'string') return referring(shape) as Json;
  components.set(id, referring(shape) as Json);
  return { $ref: `${REF}${id}` };
}

/** The same with references to the components of the document, and without `id`, which is a word of another meaning there. */
function referring(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referring);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
    if (name === '$ref' && typeof inner === 'string')
      return [[name, inner.replace('#/$defs/', REF)]];
    // A property may be called `id`: then its value is a schema.
    return name === 'id' && typeof inner === 'string' ? [] : [[name, referring(inner)]];
  });
  return Object.fromEntries(entries) as Json;
}
