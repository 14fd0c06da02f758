// src/http/client/generated/: the types of the client and the table of its operations, made from the OpenAPI document.
import { spawnSync } from 'node:child_process';
import { openApi } from '../../src/http/openapi.ts';
import { ROUTES } from '../../src/http/routes.ts';
import {
  comment,
  type Direction,
  fieldsText,
  type JsonSchema,
  nameOf,
  typeText,
} from './type-text.ts';

interface Media {
  readonly schema?: JsonSchema;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: { readonly 'application/json': { readonly schema: JsonSchema } };
  };
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Readonly<Record<string, Media>> }
    >
  >;
  readonly 'x-long'?: boolean;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

/** One operation with where it is. */
interface Placed {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const ORIGIN = 'Written by `npm run docs` from the routes: change those, not this file.';
const DOCUMENT = openApi(ROUTES) as unknown as Document;
const SCHEMAS = DOCUMENT.components.schemas;
/** A stream is read, not awaited: it is no method of the client. */
const OPERATIONS: readonly Placed[] = Object.entries(DOCUMENT.paths)
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
  .filter(
    ({ operation }) => !answersOf(operation).some(({ media }) => media === 'text/event-stream'),
  );

/** Renders the interfaces of everything that is sent or answered. */
export function renderClientShapes(): string {
  const answered = reachable(
    OPERATIONS.flatMap(({ operation }) => answersOf(operation).map(({ schema }) => schema)),
  );
  const shapes = Object.entries(SCHEMAS).map(([name, schema]) =>
    declared(name, schema, answered.has(name) ? 'answered' : 'sent'),
  );
  const requests = OPERATIONS.flatMap((placed) => [
    ...requestDeclared(placed),
    ...answerDeclared(placed),
  ]);
  return formatted(
    'shapes.ts',
    `/** Shapes: what the operations of the API take and answer. ${ORIGIN} */\n\n${[...shapes, ...requests].join('\n\n')}\n`,
  );
}

/** Renders the interface of the client: a method for each operation. */
export function renderClientOperations(): string {
  const methods = OPERATIONS.map((placed) => {
    const { operation } = placed;
    const request = requestType(placed);
    const optional = request !== undefined && !requiresFields(placed);
    const given =
      request === undefined ? 'request?: NoFields' : `request${optional ? '?' : ''}: ${request}`;
    return `${comment(aboutOf(operation))}${operation.operationId}(${given}, options?: CallOptions): Promise<${answerType(operation)}>;`;
  });
  const body = methods.join('\n');
  const words = body.replaceAll(/\/\*\*.*?\*\//gs, '').match(/\b[A-Z]\w+\b/g) ?? [];
  const used = [...new Set(words)]
    .filter((name) => !BUILT_IN.has(name))
    .toSorted((one, other) => (one < other ? -1 : 1));
  return formatted(
    'operations.ts',
    `/** Operations: the methods of the client. ${ORIGIN} */
import type { CallOptions, NoFields } from '../call.ts';
import type { ${used.join(', ')} } from './shapes.ts';

/**
 * Every operation of the API: path parameters and the fields of query or body in one object. All reject with an \`UnstuckError\` that has the
 * code of the server, or SERVER_UNREACHABLE.
 */
export interface Operations {
${body}
}
`,
  );
}

/** Renders the table from which the client knows method and path of each operation. */
export function renderClientTable(): string {
  const rows = OPERATIONS.map(({ method, path, operation }) => {
    const keyed = operation.parameters?.some(
      ({ in: where, name }) => where === 'header' && name.toLowerCase() === 'idempotency-key',
    );
    return `${operation.operationId}: { method: '${method.toUpperCase()}', path: '${path}'${operation['x-long'] === true ? ', long: true' : ''}${keyed === true ? ', keyed: true' : ''} },`;
  });
  return formatted(
    'table.ts',
    `/** Table: method and path of each operation. ${ORIGIN} */
import type { OperationPlace } from '../call.ts';
import type { Operations } from './operations.ts';

/** Where each operation is. */
export const TABLE: Readonly<Record<keyof Operations, OperationPlace>> = {
${rows.join('\n')}
};
`,
  );
}

function declared(name: string, schema: JsonSchema, direction: Direction): string {
  const about = comment(schema.description ?? `The shape \`${name}\` of the API.`);
  if (schema.properties === undefined)
    return `${about}export type ${name} = ${typeText(schema, direction)};`;
  return `${about}export interface ${name} {\n${fieldsText(schema, direction)}\n}`;
}

/** A request is declared unless it is nothing, or just a body that has a name of its own. */
function requestDeclared(placed: Placed): string[] {
  const type = requestType(placed);
  const reference = bodyOf(placed.operation)?.$ref;
  if (type === undefined || type === (reference && nameOf(reference))) return [];
  const about = comment(`What \`${placed.operation.operationId}\` takes.`);
  const own = fieldsText(ownFields(placed), 'sent');
  const above = reference === undefined ? '' : ` extends ${nameOf(reference)}`;
  return [`${about}export interface ${type}${above} {\n${own}\n}`];
}

function requestType(placed: Placed): string | undefined {
  const { operation } = placed;
  const reference = bodyOf(operation)?.$ref;
  const { properties = {} } = ownFields(placed);
  if (Object.keys(properties).length === 0) return reference && nameOf(reference);
  return `${titled(operation)}Request`;
}

/** An answer is declared when it is one object without a name of its own. */
function answerDeclared({ operation }: Placed): string[] {
  const shape = unnamedAnswer(operation);
  if (shape === undefined) return [];
  const about = comment(`What \`${operation.operationId}\` answers.`);
  return [
    `${about}export interface ${titled(operation)}Answer {\n${fieldsText(shape, 'answered')}\n}`,
  ];
}

function unnamedAnswer(operation: Operation): JsonSchema | undefined {
  const shapes = answersOf(operation).flatMap(({ schema }) => schema ?? []);
  return shapes.length === 1 && shapes[0]?.properties !== undefined ? shapes[0] : undefined;
}

function titled({ operationId }: Operation): string {
  return `${operationId[0]?.toUpperCase()}${operationId.slice(1)}`;
}

/** The fields that a request has beside those of a named body. */
function ownFields({ operation }: Placed): JsonSchema {
  const parameters = (operation.parameters ?? []).filter((one) => one.in !== 'header');
  const body = bodyOf(operation) ?? {};
  return {
    properties: {
      ...Object.fromEntries(
        parameters.map(({ name, schema, description }) => [
          name,
          { ...schema, ...(description === undefined ? {} : { description }) },
        ]),
      ),
      ...body.properties,
    },
    required: [
      ...parameters.filter(({ required }) => required).map(({ name }) => name),
      ...(body.required ?? []),
    ],
  };
}

function requiresFields(placed: Placed): boolean {
  const reference = bodyOf(placed.operation)?.$ref;
  const inherited = reference === undefined ? [] : (SCHEMAS[nameOf(reference)]?.required ?? []);
  return [...inherited, ...(ownFields(placed).required ?? [])].length > 0;
}

function bodyOf({ requestBody }: Operation): JsonSchema | undefined {
  return requestBody?.content['application/json'].schema;
}

function answerType(operation: Operation): string {
  if (unnamedAnswer(operation) !== undefined && answersOf(operation).length === 1)
    return `${titled(operation)}Answer`;
  const types = answersOf(operation).map(({ media, schema }) => {
    if (media === undefined) return 'undefined';
    return media === 'application/json' ? typeText(schema ?? {}, 'answered') : 'string';
  });
  return [...new Set(types)].join(' | ');
}

function answersOf({
  responses,
}: Operation): { readonly media: string | undefined; readonly schema: JsonSchema | undefined }[] {
  return Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .map(([, { content = {} }]) => {
      const [media] = Object.keys(content);
      return { media, schema: media === undefined ? undefined : content[media]?.schema };
    });
}

/** Summary, more, and the codes that not every operation may answer. */
function aboutOf({ summary, description, responses }: Operation): string {
  const codes = codesOf(responses).filter((code) => !EVERYWHERE.has(code));
  const throwing = codes.length === 0 ? undefined : `Throws ${codes.join(', ')}.`;
  return [summary, description, throwing].filter((line) => line !== undefined).join('\n');
}

const BUILT_IN: ReadonlySet<string> = new Set([
  'Promise',
  'Readonly',
  'Record',
  'CallOptions',
  'NoFields',
]);

const EVERYWHERE: ReadonlySet<string> = new Set([
  'REQUEST_TOO_LARGE',
  'MEDIA_TYPE_UNSUPPORTED',
  'INPUT_UNSTORABLE',
  'RATE_LIMITED',
  ...codesOf(
    OPERATIONS.find(({ operation }) => operation.operationId === 'getJob')?.operation.responses ??
      {},
  ).filter((code) => !code.startsWith('JOB_')),
]);

function codesOf(responses: Operation['responses']): string[] {
  return Object.values(responses).flatMap(({ description }) =>
    [...description.matchAll(/^`([A-Z_]+)`: /gm)].map(([, code]) => code as string),
  );
}

/** The names of the shapes that these schemas lead to. */
function reachable(roots: readonly (JsonSchema | undefined)[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value ?? {}).matchAll(
      /"#\/components\/schemas\/(\w+)"/g,
    )) {
      if (found.has(name)) continue;
      found.add(name);
      visit(SCHEMAS[name]);
    }
  };
  for (const root of roots) visit(root);
  return found;
}

/** As `npm run format` would leave it. */
function formatted(file: string, text: string): string {
  const args = ['check', '--write', `--stdin-file-path=src/http/client/generated/${file}`];
  const { status, stdout, stderr } = spawnSync('node_modules/.bin/biome', args, {
    input: text,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`biome could not format ${file}: ${stderr}`);
  return stdout;
}
