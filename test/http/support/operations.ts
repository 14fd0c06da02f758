// The operations of the API as its OpenAPI document describes them: what the generated tests walk over.
import { openApi } from '../../../src/http/openapi.ts';
import type { Route } from '../../../src/http/route.ts';
import { ROUTES } from '../../../src/http/routes.ts';

/** A JSON Schema, or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** A parameter of a path or a query. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly schema: Schema;
}

/** One operation with everything that a test needs of it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  /** Undefined when it is open to everybody. */
  readonly scope: string | undefined;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | undefined;
  /** The documented statuses. */
  readonly statuses: readonly number[];
  /** The route behind it. */
  readonly route: Route;
}

interface DocumentOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly 'x-scope'?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, unknown>;
}

/** The document as it is served. */
export const DOCUMENT = openApi(ROUTES) as {
  readonly paths: Record<string, Record<string, DocumentOperation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
};

/** Every operation of the document. */
export const OPERATIONS: readonly Operation[] = Object.entries(DOCUMENT.paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      id: described.operationId,
      method: method.toUpperCase(),
      path,
      tag: described.tags[0] ?? '',
      scope: described['x-scope'],
      parameters: described.parameters ?? [],
      body: described.requestBody?.content['application/json']?.schema,
      statuses: Object.keys(described.responses).map(Number),
      route: ROUTES.find(({ id }) => id === described.operationId) as Route,
    })),
);

/** The same schema with a reference to the components followed. */
export function resolved(schema: Schema): Schema {
  const { $ref } = schema;
  if (typeof $ref !== 'string') return schema;
  return DOCUMENT.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {};
}
